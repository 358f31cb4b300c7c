/* One panel: its frame, its states (loading, drawn, empty, in trouble), and what can be done with it. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const VIEWS = { timeseries: "TimeSeries", stat: "Stat", bargauge: "Bars", table: "Rows" };

    class Panel {
        constructor(element, definition, page) {
            Object.assign(this, { element, definition, page, figures: null, view: null, asTable: false });
            this.body = element.querySelector(".pp-body");
            this.legend = element.querySelector(".pp-foot");
            this.said = element.querySelector(".pp-words");
            panels.menu(element.querySelector(".pp-head"), definition.title, () => this.entries());
            this.say("pp-loading", panels.words.loading);
        }

        address(kind) {
            const query = new URLSearchParams(this.definition.query);
            const range = this.page.range;
            query.set("from", range.from);
            query.set("to", range.to);
            return this.definition[kind] + "?" + query;
        }

        elsewhere() {
            const { from, to } = this.page.range;
            return this.definition.grafana + "&from=" + encodeURIComponent(from) + "&to=" + encodeURIComponent(to);
        }

        entries() {
            const drawn = this.view && this.definition.kind === "timeseries" && !this.asTable;
            const tabular = this.figures && this.figures.series && this.figures.series.length;
            const found = [];
            if (tabular) {
                found.push(this.asTable ? ["show_chart", panels.words.chart, () => this.swap()] : ["table_rows", panels.words.table, () => this.swap()]);
            }
            if (drawn) {
                found.push(["image", panels.words.png, () => panels.picture.download(this.definition, this.figures, this.view)]);
            }
            found.push(["download", panels.words.csv, this.address("csv")]);
            if (this.definition.page) {
                found.push(["open_in_full", panels.words.link, this.address("page")]);
                found.push(["link", panels.words.copy, () => this.copy()]);
            }
            if (this.definition.grafana) {
                found.push(["open_in_new", panels.words.grafana, this.elsewhere(), true]);
            }
            return found;
        }

        /* A link that shows the same to whoever opens it later: its range is of fixed moments. */
        copy() {
            const address = new URL(this.address("page"), location.href);
            if (this.figures) {
                address.searchParams.set("from", String(this.figures.start * 1000));
                address.searchParams.set("to", String(this.figures.end * 1000));
            }
            navigator.clipboard?.writeText(address.href).then(() => this.note(panels.words.copied));
        }

        note(words) {
            const shown = panels.make("span", "pp-note", this.element.querySelector(".pp-head"), words);
            shown.setAttribute("role", "status");
            window.setTimeout(() => shown.remove(), 1500);
        }

        swap() {
            this.asTable = !this.asTable;
            this.drop();
            this.draw();
        }

        load() {
            this.abort?.abort();
            this.abort = new AbortController();
            this.element.setAttribute("aria-busy", "true");
            const started = performance.now();
            panels.ask(this.address("data"), this.abort.signal, (found) => {
                this.element.setAttribute("aria-busy", "false");
                this.element.dataset.milliseconds = String(Math.round(performance.now() - started));
                if (found.trouble) {
                    this.troubled(found.trouble);
                } else {
                    this.figures = found;
                    this.draw();
                    this.page.drawn(this);
                }
            });
        }

        troubled(trouble) {
            const known = this.page.troubled(this, trouble);
            if (trouble.kind === "busy") {
                this.element.dataset.state = "waiting";
                return;
            }
            this.drop();
            this.say("pp-trouble", trouble.sentence, known ? "" : trouble.hint, "cloud_off");
            this.element.dataset.state = "trouble";
        }

        /* After so many seconds, unless something else has asked before or nobody looks. */
        lookAgain(seconds) {
            window.clearTimeout(this.retry);
            if (seconds) {
                this.retry = window.setTimeout(() => !document.hidden && this.load(), seconds * 1000);
            }
        }

        isEmpty() {
            const { series, rows } = this.figures;
            return rows ? !rows.length : !series.some((one) => !one.dashed && one.values.some((value) => value !== null));
        }

        draw() {
            const { definition, figures } = this;
            this.said.textContent = (figures.words || []).join(" ");
            this.said.hidden = !this.said.textContent;
            if (this.isEmpty()) {
                this.drop();
                // What a panel itself says of having nothing to show goes before words for all of them.
                const hint = definition.empty ? definition.description : panels.words.emptyHint;
                this.say("pp-empty", definition.empty || panels.words.empty, figures.hint || hint, "query_stats");
                this.element.dataset.state = "empty";
                this.lookAgain(figures.retry);
                return;
            }
            if (!this.view) {
                this.body.replaceChildren();
                if (!this.asTable) {
                    this.view = new panels[VIEWS[definition.kind]](this.body, definition);
                }
            }
            if (this.asTable) {
                this.tabulate();
            } else {
                if (definition.kind === "timeseries") {
                    panels.legend(this.legend, definition, figures, this.view); /* first: the chart fills what it leaves */
                }
                this.view.draw(figures);
                this.view.mark?.(this.page.marks);
            }
            this.element.dataset.state = "drawn";
        }

        tabulate() {
            const box = panels.make("div", "pp-scroll");
            panels.scrolls(box, this.definition.title);
            panels.dataTable(box, this.definition, this.figures, this.page.marks);
            this.body.replaceChildren(box);
        }

        /* The incidents of the page are there, or are others. */
        mark(marks) {
            if (this.asTable && this.figures) {
                this.tabulate();
            } else {
                this.view?.mark?.(marks);
            }
        }

        drop() {
            this.view?.destroy?.();
            this.view = null;
            this.body.replaceChildren();
            this.legend.replaceChildren();
        }

        say(css, sentence, hint, icon) {
            const box = panels.make("div", "pp-say " + css);
            box.title = hint || "";
            if (icon) {
                panels.icon(icon, box);
            }
            panels.make("p", "", box, sentence);
            if (hint) {
                panels.make("p", "pp-hint", box, hint);
            }
            this.body.replaceChildren(box);
        }

        leave() {
            this.abort?.abort();
        }
    }

    panels.Panel = Panel;
})();
