/* Colours: those of the page for text and lines, a row of well distinguishable ones for series, Grafana's by name. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    /* Distinguishable also for those who see less colour: hue and lightness change together. */
    const LIGHT = ["#2563c9", "#d9730d", "#12866b", "#b3379a", "#7a5af0", "#8f6b00", "#0f89ab", "#c4314b", "#4f7d1c", "#6a6f7d"];
    const DARK = ["#6ea8ff", "#ffa657", "#3fcfa6", "#f07fd6", "#ab96ff", "#e3c04b", "#4cc9e8", "#ff8095", "#9bd15c", "#b4bac7"];
    /* Also for text: each is told from the card's ground by 4.5 to 1. */
    const NAMED = {
        light: { green: "#157a43", yellow: "#8a6100", orange: "#b3560a", red: "#c7283f", blue: "#2158b8", purple: "#6d4be0" },
        dark: { green: "#4cc47d", yellow: "#e8c14a", orange: "#ff9f45", red: "#ff6b7d", blue: "#6ea8ff", purple: "#ab96ff" },
    };

    const dark = () => document.documentElement.classList.contains("dark");

    function now() {
        const style = getComputedStyle(document.documentElement);
        const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
        return {
            dark: dark(),
            text: read("--pm-text", "#333"),
            strong: read("--pm-strong", "#111"),
            subtle: read("--pm-subtle", "#666"),
            line: dark() ? "rgba(255, 255, 255, 0.09)" : "rgba(15, 23, 42, 0.09)",
            axis: dark() ? "rgba(255, 255, 255, 0.2)" : "rgba(15, 23, 42, 0.2)",
            card: dark() ? read("--color-base-900", "#15181e") : "#ffffff",
            font: "Inter, sans-serif",
        };
    }

    /* Grafana's colour of that name, such as "semi-dark-orange"; '' where it stands for no particular one. */
    function named(name) {
        const plain = (name || "").replace(/^(super-light|light|semi-dark|dark)-/, "");
        return NAMED[dark() ? "dark" : "light"][plain] || (/^#[0-9a-f]{3,8}$/i.test(plain) ? plain : "");
    }

    const series = (place) => (dark() ? DARK : LIGHT)[place % LIGHT.length];

    /* The same colour, thinner. */
    function faded(colour, part) {
        const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
        return hex ? "rgba(" + [1, 2, 3].map((at) => parseInt(hex[at], 16)).join(", ") + ", " + part + ")" : colour;
    }

    /* The colour of a value among the steps [[from, colour], …]. */
    function stepped(value, steps) {
        let found = "";
        steps.forEach(([from, colour]) => {
            if (value !== null && (from === null || value >= from)) {
                found = colour;
            }
        });
        return found;
    }

    function watch(changed) {
        let before = dark();
        new MutationObserver(() => {
            if (dark() !== before) {
                before = dark();
                changed();
            }
        }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    }

    panels.theme = { now, named, series, faded, stepped, watch };
})();
