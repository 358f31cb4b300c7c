/* Small parts that panels are made of: elements, figures of a series, the tooltip, the legend, the data as a table. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const MOST_ROWS = 12;
    const FEW = 5;

    function make(tag, css, parent, text) {
        const element = document.createElement(tag);
        if (css) {
            element.className = css;
        }
        if (text !== undefined) {
            element.textContent = text;
        }
        if (parent) {
            parent.append(element);
        }
        return element;
    }

    function icon(name, parent) {
        const sign = make("span", "material-symbols-outlined", parent, name);
        sign.setAttribute("aria-hidden", "true");
        return sign;
    }

    /* A figure of a series by Grafana's name of it; null where there is no number at all. */
    function calc(values, name) {
        const known = values.filter((value) => value !== null && value !== undefined);
        if (!known.length) {
            return null;
        }
        const total = () => known.reduce((sum, value) => sum + value, 0);
        switch (name) {
            case "max": return known.reduce((most, value) => Math.max(most, value), -Infinity);
            case "min": return known.reduce((least, value) => Math.min(least, value), Infinity);
            case "mean": return total() / known.length;
            case "sum": return total();
            case "count": return known.length;
            default: return known[known.length - 1];
        }
    }

    function swatch(colour, dashed, parent) {
        const mark = make("span", dashed ? "pp-swatch pp-dashed" : "pp-swatch", parent);
        mark.style.color = colour;
        return mark;
    }

    /* Fill the tooltip and put it beside the pointed moment, where it has room. */
    function tip(box, chart, state, when, rows, marks) {
        box.replaceChildren();
        make("div", "pp-tip-time", box, when);
        rows.slice(0, MOST_ROWS).forEach((row) => {
            const line = make("div", "pp-tip-row", box);
            swatch(row.colour, row.dashed, line);
            make("span", "pp-tip-name", line, row.name);
            make("span", "pp-tip-value", line, row.text);
        });
        if (rows.length > MOST_ROWS) {
            make("div", "pp-tip-more", box, "+ " + (rows.length - MOST_ROWS));
        }
        if (!rows.length) {
            make("div", "pp-tip-more", box, panels.words.none);
        }
        panels.marks.told(box, marks);
        box.hidden = false;
        const x = chart.scales.x.getPixelForValue((state.figures.start + state.at * state.figures.step) * 1000);
        const right = x + 14 + box.offsetWidth <= chart.width;
        box.style.left = Math.max(0, right ? x + 14 : x - 14 - box.offsetWidth) + "px";
        box.style.top = chart.chartArea.top + "px";
    }

    /* Few series keep the order of their queries; of many the largest come first. */
    function inOrder(series) {
        const found = series.map((one, place) => [one, place]);
        const last = ([one]) => (one.dashed ? -Infinity : (calc(one.values, "lastNotNull") ?? -Infinity));
        return series.length > FEW ? found.sort((one, other) => last(other) - last(one)) : found;
    }

    /* The legend: a table of the series with their figures; a series' name hides and shows it. */
    function legend(parent, definition, figures, view) {
        const calcs = definition.calcs.length ? definition.calcs : ["lastNotNull", "max"];
        const table = make("table", "pp-legend", parent);
        const head = make("tr", "", make("thead", "", table));
        make("th", "", head, panels.words.series).scope = "col";
        calcs.forEach((name) => (make("th", "", head, panels.words[name] || name).scope = "col"));
        const rows = make("tbody", "", table);
        const colours = panels.scales.colours(figures);
        inOrder(figures.series).forEach(([one, place]) => {
            const row = make("tr", view.hidden.has(place) ? "pp-off" : "", rows);
            const button = make("button", "pp-name", make("td", "", row));
            button.type = "button";
            button.dataset.place = place;
            button.title = one.name + "\n" + panels.words.hide;
            button.setAttribute("aria-pressed", String(!view.hidden.has(place)));
            swatch(colours[place], one.dashed, button);
            make("span", "", button, one.name);
            button.addEventListener("click", (event) => {
                view.toggle(place, event.shiftKey);
                const again = legend(parent, definition, figures, view);
                again.querySelector('[data-place="' + place + '"]').focus();
            });
            calcs.forEach((name) => make("td", "pp-number", row, panels.units.format(calc(one.values, name), definition.unit, definition.decimals)));
        });
        parent.replaceChildren(table);
        return table;
    }

    /* The numbers as a table, the newest first. */
    function dataTable(parent, definition, figures, marks) {
        const table = make("table", "pp-data", parent);
        const head = make("tr", "", make("thead", "", table));
        make("th", "", head, panels.words.time).scope = "col";
        figures.series.forEach((one) => (make("th", "pp-number", head, one.name).scope = "col"));
        const meanwhile = panels.marks.within(marks, figures.start * 1000, figures.end * 1000);
        if (meanwhile.length) {
            make("th", "", head, panels.words.incidents).scope = "col";
        }
        const rows = make("tbody", "", table);
        const longest = Math.max(...figures.series.map((one) => one.values.length), 0);
        const span = (figures.end - figures.start) * 1000;
        for (let at = longest - 1; at >= 0; at -= 1) {
            const row = make("tr", "", rows);
            const moment = longest > 1 ? figures.start + at * figures.step : figures.end;
            make("th", "", row, panels.times.exact(moment * 1000, span)).scope = "row";
            figures.series.forEach((one) => make("td", "pp-number", row, panels.units.format(one.values[at], definition.unit, definition.decimals)));
            if (meanwhile.length) {
                make("td", "", row, panels.marks.words(panels.marks.at(meanwhile, figures, at)).join("; "));
            }
        }
        return table;
    }

    /* A box that may scroll can be reached and scrolled by the keyboard, while it does. */
    function scrolls(box, title) {
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", title);
        const look = () => {
            const more = box.scrollHeight > box.clientHeight || box.scrollWidth > box.clientWidth;
            if (more !== box.hasAttribute("tabindex")) {
                more ? box.setAttribute("tabindex", "0") : box.removeAttribute("tabindex");
            }
        };
        new ResizeObserver(look).observe(box);
        new MutationObserver(look).observe(box, { childList: true, subtree: true });
    }

    Object.assign(panels, { make, scrolls, icon, calc, tip, legend, dataTable, swatch });
})();
