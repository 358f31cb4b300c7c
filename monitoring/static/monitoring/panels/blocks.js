/* The panels that are no chart of time series: single figures with their course, bars, tables. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const SPARK = { width: 300, height: 44 };
    const SVG = "http://www.w3.org/2000/svg";

    /* What stands for a value, and in which colour: a word of the panel's, else the number by the steps. */
    function shown(definition, value) {
        const word = definition.words.find(([from]) => from === value);
        const colour = (word && word[2]) || panels.theme.stepped(value, definition.steps);
        const text = word ? word[1] : panels.units.format(value, definition.unit, definition.decimals);
        return { text, colour: panels.theme.named(colour) };
    }

    /* The course of a figure as a small area; gaps stay gaps. */
    function spark(values, colour, parent) {
        const known = values.filter((value) => value !== null);
        if (known.length < 3) {
            return;
        }
        const [lowest, highest] = [Math.min(...known), Math.max(...known)];
        const x = (at) => ((at / (values.length - 1)) * SPARK.width).toFixed(1);
        const y = (value) => (SPARK.height - 3 - ((value - lowest) / (highest - lowest || 1)) * (highest > lowest ? SPARK.height - 8 : 0)).toFixed(1);
        let line = "";
        let area = "";
        let first = null;
        values.forEach((value, at) => {
            const next = values[at + 1];
            if (value === null) {
                first = null;
                return;
            }
            line += (first === null ? "M" : "L") + x(at) + " " + y(value);
            area += (first === null ? "M" + x(at) + " " + SPARK.height + "L" : "L") + x(at) + " " + y(value);
            first = first === null ? at : first;
            if (next === null || next === undefined) {
                area += "L" + x(at) + " " + SPARK.height + "Z";
            }
        });
        const picture = document.createElementNS(SVG, "svg");
        picture.setAttribute("viewBox", "0 0 " + SPARK.width + " " + SPARK.height);
        picture.setAttribute("preserveAspectRatio", "none");
        picture.setAttribute("class", "pp-spark");
        picture.setAttribute("aria-hidden", "true");
        [[area, panels.theme.faded(colour, 0.14), "none"], [line, "none", colour]].forEach(([path, fill, stroke]) => {
            const drawn = document.createElementNS(SVG, "path");
            drawn.setAttribute("d", path);
            drawn.setAttribute("fill", fill);
            drawn.setAttribute("stroke", stroke);
            drawn.setAttribute("stroke-width", "1.5");
            drawn.setAttribute("vector-effect", "non-scaling-stroke");
            picture.append(drawn);
        });
        parent.append(picture);
    }

    class Stat {
        constructor(body, definition) {
            this.definition = definition;
            this.box = panels.make("div", "pp-stats", body);
            panels.scrolls(this.box, definition.title);
        }

        draw(figures) {
            this.box.replaceChildren();
            const many = figures.series.length > 1;
            const found = figures.series.map((one) => shown(this.definition, panels.calc(one.values, "lastNotNull")));
            /* All of a panel in one size: a larger figure would seem to matter more. */
            const css = found.some(({ text }) => text.length > 9) ? "pp-long" : "";
            figures.series.forEach((one, place) => {
                const { text, colour } = found[place];
                const stat = panels.make("div", "pp-stat", this.box);
                if (many) {
                    panels.make("span", "pp-stat-name", stat, one.name).title = one.name;
                }
                const figure = panels.make("strong", css, stat, text);
                if (colour) {
                    figure.style.color = colour;
                }
                spark(one.values, colour || panels.theme.series(0), stat);
            });
        }
    }

    class Bars {
        constructor(body, definition) {
            this.definition = definition;
            const place = panels.make("div", "pp-scroll pp-bars-place", body);
            panels.scrolls(place, definition.title);
            this.box = panels.make("ul", "pp-bars", place);
        }

        draw(figures) {
            this.box.replaceChildren();
            const found = figures.series.map((one) => ({ name: one.name, value: panels.calc(one.values, "lastNotNull") })).filter((one) => one.value !== null);
            const most = this.definition.maximum ?? Math.max(...found.map((one) => one.value), 0);
            const least = this.definition.minimum ?? 0;
            found.sort((one, other) => other.value - one.value).forEach((one) => {
                const { text, colour } = shown(this.definition, one.value);
                const row = panels.make("li", "", this.box);
                panels.make("span", "pp-bar-name", row, one.name).title = one.name;
                const bar = panels.make("span", "pp-bar-track", row);
                const fill = panels.make("span", "pp-bar-fill", bar);
                fill.style.width = Math.max(0, Math.min(100, ((one.value - least) / (most - least || 1)) * 100)) + "%";
                fill.style.background = colour || panels.theme.series(0);
                panels.make("span", "pp-bar-value", row, text);
            });
        }
    }

    class Rows {
        constructor(body, definition) {
            this.definition = definition;
            this.box = panels.make("div", "pp-scroll", body);
            panels.scrolls(this.box, definition.title);
            this.order = definition.sort ? { title: definition.sort[0], down: definition.sort[1] } : null;
        }

        columns(figures) {
            if (this.definition.columns.length) {
                return this.definition.columns;
            }
            const names = new Set(figures.rows.flatMap(([labels]) => Object.keys(labels)));
            names.delete("__name__");
            return [...[...names].map((name) => [name, name, ""]), ["Value", panels.words.value, ""]];
        }

        draw(figures) {
            const columns = this.columns(figures);
            const cell = (row, field) => (field.startsWith("Value") ? row[1] : (row[0][field] ?? ""));
            const rows = [...figures.rows];
            const by = this.order && columns.find(([, title]) => title === this.order.title);
            if (by) {
                const compare = (one, other) => (typeof one === "number" ? one - other : String(one).localeCompare(String(other), undefined, { numeric: true }));
                rows.sort((one, other) => compare(cell(one, by[0]), cell(other, by[0])) * (this.order.down ? -1 : 1));
            }
            const table = panels.make("table", "pp-table");
            const head = panels.make("tr", "", panels.make("thead", "", table));
            columns.forEach(([field, title]) => this.heading(head, field, title, figures));
            const body = panels.make("tbody", "", table);
            rows.forEach((row) => {
                const line = panels.make("tr", "", body);
                columns.forEach(([field, , unit]) => {
                    const value = cell(row, field);
                    if (typeof value !== "number") {
                        panels.make("td", "", line, value === null ? "–" : value);
                        return;
                    }
                    const { text, colour } = shown(unit ? { ...this.definition, unit } : this.definition, value);
                    panels.make("td", "pp-number", line, text).style.color = colour;
                });
            });
            this.box.replaceChildren(table);
            if (figures.every > figures.rows.length) {
                panels.make("p", "pp-small", this.box, panels.words.rows.replace("%(shown)s", figures.rows.length).replace("%(every)s", figures.every));
            }
        }

        heading(head, field, title, figures) {
            const cell = panels.make("th", field.startsWith("Value") ? "pp-number" : "", head);
            cell.scope = "col";
            const here = this.order && this.order.title === title;
            cell.setAttribute("aria-sort", here ? (this.order.down ? "descending" : "ascending") : "none");
            const button = panels.make("button", "", cell, title + (here ? (this.order.down ? " ↓" : " ↑") : ""));
            button.type = "button";
            button.addEventListener("click", () => {
                this.order = { title, down: here ? !this.order.down : field.startsWith("Value") };
                this.draw(figures);
                [...this.box.querySelectorAll("th button")].find((one) => one.textContent.startsWith(title)).focus();
            });
        }
    }

    Object.assign(panels, { Stat, Bars, Rows });
})();
