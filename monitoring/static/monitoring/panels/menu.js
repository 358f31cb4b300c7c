/* The menu of a panel: the numbers as a table, as files, and links to it. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});

    function close(menu, focus) {
        menu.list.hidden = true;
        menu.button.setAttribute("aria-expanded", "false");
        if (focus) {
            menu.button.focus();
        }
    }

    /* The list ends below its button, and is wider than a small panel: at the left edge it would begin outside the page, or below the sidebar. */
    function keepInside(menu) {
        menu.list.style.right = "";
        const grid = menu.list.closest(".pp-grid").getBoundingClientRect();
        const missing = grid.left - menu.list.getBoundingClientRect().left;
        if (missing > 0) {
            menu.list.style.right = -missing + "px";
        }
    }

    function open(menu) {
        menu.list.hidden = false;
        keepInside(menu);
        menu.button.setAttribute("aria-expanded", "true");
        menu.list.querySelector("a, button").focus();
    }

    /* What there is: [icon, words, action or address, whether that is another site's]. Built anew at each opening, for the range may be another. */
    function fill(menu, entries) {
        menu.list.replaceChildren();
        entries.forEach(([icon, words, action, elsewhere]) => {
            const entry = panels.make(typeof action === "string" ? "a" : "button", "", panels.make("li", "", menu.list));
            panels.icon(icon, entry);
            panels.make("span", "", entry, words);
            if (typeof action === "string") {
                entry.href = action;
                entry.addEventListener("click", () => close(menu, true)); /* a download leaves the page where it is */
                if (elsewhere) {
                    entry.target = "_blank";
                    entry.rel = "noopener";
                }
            } else {
                entry.type = "button";
                entry.addEventListener("click", () => {
                    close(menu, true);
                    action();
                });
            }
        });
    }

    function keys(menu, event) {
        const entries = [...menu.list.querySelectorAll("a, button")];
        const at = entries.indexOf(document.activeElement);
        if (event.key === "Escape") {
            close(menu, true);
        } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            entries[(at + (event.key === "ArrowDown" ? 1 : entries.length - 1)) % entries.length].focus();
        } else {
            return;
        }
        event.preventDefault();
    }

    /* A button with a list that opens below it. */
    function menu(header, title, entries) {
        const box = panels.make("div", "pp-menu", header);
        const button = panels.make("button", "pp-icon", box);
        button.type = "button";
        button.title = panels.words.menu;
        button.setAttribute("aria-label", panels.words.menu + ": " + title);
        button.setAttribute("aria-expanded", "false");
        panels.icon("more_vert", button);
        const list = panels.make("ul", "pp-menu-list", box);
        list.hidden = true;
        const made = { button, list };
        button.addEventListener("click", () => {
            if (!list.hidden) {
                close(made, false);
                return;
            }
            fill(made, entries());
            open(made);
        });
        box.addEventListener("keydown", (event) => !list.hidden && keys(made, event));
        box.addEventListener("focusout", (event) => !box.contains(event.relatedTarget) && close(made, false));
        return made;
    }

    panels.menu = menu;
})();
