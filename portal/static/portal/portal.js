/* Small things that every page needs. No inline scripts: the content security policy allows files of ours only. */
(function () {
    "use strict";

    /* Times are kept in UTC and shown in this browser's zone: the server reads it from a cookie. */
    function rememberTimezone() {
        const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
        if (!zone || document.cookie.split("; ").includes("portal_timezone=" + zone)) {
            return;
        }
        const secure = location.protocol === "https:" ? "; secure" : "";
        document.cookie = "portal_timezone=" + zone + "; path=/; max-age=31536000; samesite=lax" + secure;
    }

    /* An element with data-refresh="/address" data-every="15" fetches its content anew, while somebody looks. */
    const PAUSE_AFTER_FAILURE = 4;

    function keepFresh(element) {
        const every = Number(element.dataset.every || "15") * 1000;
        let waiting = null;
        let failures = 0;

        function later() {
            window.clearTimeout(waiting);
            waiting = window.setTimeout(refresh, every * Math.min(1 + failures, PAUSE_AFTER_FAILURE));
        }

        async function refresh() {
            if (document.hidden) {
                return; /* visibilitychange starts it again */
            }
            try {
                const answer = await fetch(element.dataset.refresh, {
                    credentials: "same-origin",
                    headers: { "X-Requested-With": "fetch" },
                });
                if (answer.redirected || answer.status === 403) {
                    location.reload(); /* logged out meanwhile: the login page brings us back here */
                    return;
                }
                if (!answer.ok) {
                    throw new Error(String(answer.status));
                }
                swap(element, await answer.text());
                failures = 0;
            } catch (error) {
                failures += 1;
            }
            element.classList.toggle("pm-offline", failures > 1);
            later();
        }

        document.addEventListener("visibilitychange", function () {
            if (document.hidden) {
                window.clearTimeout(waiting);
            } else {
                refresh();
            }
        });
        if (element.dataset.now) {
            refresh();
        } else {
            later();
        }
    }

    /* New content in the old place: scroll positions and the focused link stay where they were. */
    function swap(element, html) {
        if (element.contains(document.activeElement) && ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName)) {
            return;
        }
        const focused = element.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        const scrolled = Array.from(element.querySelectorAll(".pm-scroll"), (box) => box.scrollLeft);
        const top = window.scrollY;
        element.innerHTML = html;
        element.querySelectorAll(".pm-scroll").forEach(function (box, place) {
            box.scrollLeft = scrolled[place] || 0;
        });
        if (focused) {
            const again = element.querySelector('a[href="' + focused.replace(/["\\]/g, "\\$&") + '"]');
            if (again) {
                again.focus({ preventScroll: true });
            }
        }
        window.scrollTo({ top: top, behavior: "instant" });
    }

    /* A select with data-reopen decides what others offer: the page opens anew with it, and with what was typed so far.
       data-reopen names the fields that depend on it and begin anew. */
    function reopen(select) {
        const anew = select.dataset.reopen.split(" ");
        const asked = new URLSearchParams();
        Array.from(select.form.elements).forEach(function (field) {
            const kept = field.name && !/^(_|csrf)/.test(field.name) && !anew.includes(field.name);
            const said = field.type === "checkbox" ? field.checked : field.value;
            if (kept && said && String(field.value).length <= 200) {
                asked.set(field.name, field.value);
            }
        });
        window.addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), true);
        location.search = asked.toString();
    }

    rememberTimezone();
    document.addEventListener("change", function (event) {
        if (event.target.matches("select[data-reopen]")) {
            reopen(event.target);
        }
    });
    document.addEventListener("DOMContentLoaded", function () {
        document.querySelectorAll("[data-refresh]").forEach(keepFresh);
    });
})();
