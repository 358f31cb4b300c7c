/* The bar above panels, and Grafana's frames below it: range and refresh live in the page's address, the theme is the
   page's own. What the portal draws itself listens to the same events (portal:range, portal:refresh). */
(function () {
    "use strict";

    const CUSTOM = "custom";
    const HIGHEST = 12000;
    const AWAY = "away";

    function state(bar) {
        const asked = new URLSearchParams(location.search);
        return {
            from: asked.get("from") || bar.dataset.from,
            to: asked.get("to") || bar.dataset.to,
            refresh: asked.get("refresh") ?? bar.dataset.refreshWanted,
        };
    }

    function dark() {
        return document.documentElement.classList.contains("dark");
    }

    /* That address with range and refresh; the server has put in everything else. */
    function ranged(address, now) {
        const refresh = now.refresh ? "&refresh=" + encodeURIComponent(now.refresh) : "";
        return address + "&from=" + encodeURIComponent(now.from) + "&to=" + encodeURIComponent(now.to) + refresh;
    }

    /* A range that could not be shown is replaced in the address by the one that is, before anything is asked for. */
    function bound(bar) {
        const address = new URL(location.href);
        address.searchParams.set("from", bar.dataset.from);
        address.searchParams.set("to", bar.dataset.to);
        history.replaceState(null, "", address);
    }

    /* --- frames */

    /* Grafana went away after this page was made: the portal draws instead, for this look. */
    function drawnByThePortal() {
        const address = new URL(location.href);
        address.searchParams.set("renderer", AWAY);
        location.replace(address);
    }

    /* The next look asks Grafana again. */
    function forThisLook() {
        const address = new URL(location.href);
        if (address.searchParams.get("renderer") === AWAY) {
            address.searchParams.delete("renderer");
            history.replaceState(null, "", address);
        }
    }

    function arrived(place, frame) {
        place.classList.add("pd-there");
        let inside = null;
        try {
            inside = frame.contentDocument;
        } catch (error) {
            return; /* a Grafana elsewhere: its pages are not ours to look at */
        }
        if (inside && inside.documentElement && inside.documentElement.dataset.grafana === "away") {
            drawnByThePortal();
        } else if (inside && inside.body && "whole" in place.dataset) {
            new ResizeObserver(() => grow(place, inside)).observe(inside.body);
        }
    }

    /* A dashboard is as high as its panels, so that the page scrolls and not the frame in it. */
    function grow(place, inside) {
        const height = inside.documentElement.scrollHeight;
        if (height > place.clientHeight && height < HIGHEST) {
            place.style.height = height + 2 + "px";
        }
    }

    function fill(place, now) {
        const address = ranged(place.dataset.frame, now) + "&theme=" + (dark() ? "dark" : "light");
        let frame = place.querySelector("iframe");
        if (frame && frame.dataset.address === address) {
            return;
        }
        place.classList.remove("pd-there");
        place.style.height = "";
        if (frame) {
            frame.remove(); /* a new one leaves no entry in the history of the page */
        }
        frame = document.createElement("iframe");
        frame.loading = "lazy";
        frame.title = place.dataset.title;
        frame.dataset.address = address;
        frame.addEventListener("load", () => arrived(place, frame));
        frame.src = address;
        place.append(frame);
    }

    function frames(bar) {
        const now = state(bar);
        document.querySelectorAll("[data-frame]").forEach((place) => fill(place, now));
        document.querySelectorAll("a[data-ranged]").forEach((link) => {
            link.dataset.plain = link.dataset.plain || link.getAttribute("href");
            link.href = ranged(link.dataset.plain, now);
        });
    }

    /* --- the bar */

    function local(moment) {
        const date = new Date(moment - new Date(moment).getTimezoneOffset() * 60000);
        return date.toISOString().slice(0, 16);
    }

    function show(bar) {
        const now = state(bar);
        const preset = bar.querySelector("[data-preset]");
        const known = now.to === "now" && Array.from(preset.options).some((one) => one.value === now.from);
        preset.value = known ? now.from : CUSTOM;
        bar.querySelector("[data-custom]").hidden = known;
        if (/^\d+$/.test(now.from)) {
            bar.querySelector("[data-start]").value = local(Number(now.from));
            bar.querySelector("[data-end]").value = local(now.to === "now" ? Date.now() : Number(now.to));
        }
        bar.querySelector("[data-refresh-choice]").value = now.refresh;
        bar.elements.namedItem("from").value = now.from;
        bar.elements.namedItem("to").value = now.to;
    }

    function remember(changes) {
        const address = new URL(location.href);
        Object.entries(changes).forEach(([name, value]) => address.searchParams.set(name, value));
        history.pushState(null, "", address);
        document.querySelectorAll("[data-range-words]").forEach((words) => (words.hidden = true));
        document.dispatchEvent(new CustomEvent("portal:range", { detail: changes }));
    }

    function typed(bar) {
        const moments = ["start", "end"].map((name) => Date.parse(bar.querySelector("[data-" + name + "]").value));
        if (moments.some(Number.isNaN)) {
            return false;
        }
        [bar.elements.namedItem("from").value, bar.elements.namedItem("to").value] = moments.map(String);
        return true;
    }

    function watch(bar) {
        const preset = bar.querySelector("[data-preset]");
        preset.addEventListener("change", () => {
            bar.querySelector("[data-custom]").hidden = preset.value !== CUSTOM;
            if (preset.value !== CUSTOM) {
                remember({ from: preset.value, to: "now" });
            }
        });
        bar.querySelector("[data-refresh-choice]").addEventListener("change", (event) => {
            remember({ refresh: event.target.value });
        });
        bar.querySelectorAll("[name^='var-']").forEach((field) => {
            field.addEventListener("change", () => bar.requestSubmit());
        });
        /* The server looks at what was typed and bounds it; and a second press asks for everything anew. */
        bar.addEventListener("submit", () => {
            if (preset.value === CUSTOM) {
                typed(bar);
            }
            bar.querySelectorAll("[name^='var-']").forEach((field) => (field.disabled = !field.value));
        });
    }

    const bar = document.querySelector("[data-range-bar]");
    if (bar && "bounded" in bar.dataset) {
        bound(bar);
    }

    document.addEventListener("DOMContentLoaded", function () {
        if (!bar) {
            return;
        }
        forThisLook();
        show(bar);
        watch(bar);
        frames(bar);
        const again = () => {
            show(bar);
            frames(bar);
        };
        document.addEventListener("portal:range", again);
        window.addEventListener("popstate", again);
        window.addEventListener("pageshow", () => bar.querySelectorAll("[name^='var-']").forEach((field) => (field.disabled = false)));
        new MutationObserver(() => frames(bar)).observe(document.documentElement, { attributeFilter: ["class"] });
    });
})();
