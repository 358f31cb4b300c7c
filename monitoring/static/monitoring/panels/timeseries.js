/* A chart of time series: drawing, pointing, dragging, and going through it with the keyboard. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const SHORTEST_DRAG = 8;
    const FAST = 10;

    class TimeSeries {
        constructor(body, definition) {
            this.definition = definition;
            this.state = { at: null, drag: null, figures: null, marks: [], colours: panels.theme.now() };
            this.hidden = new Set();
            this.box = panels.make("div", "pp-chart", body);
            this.box.tabIndex = 0;
            this.box.setAttribute("role", "application");
            this.canvas = panels.make("canvas", "", this.box);
            this.canvas.setAttribute("aria-hidden", "true");
            this.tip = panels.make("div", "pp-tip", this.box);
            this.tip.hidden = true;
            this.spoken = panels.make("div", "pp-hidden", body);
            this.spoken.setAttribute("aria-live", "polite");
            this.listen();
        }

        draw(figures) {
            this.state.figures = figures;
            this.state.colours = panels.theme.now();
            const height = this.box.clientHeight || 200;
            const data = { datasets: panels.scales.datasets(this.definition, figures, this.hidden) };
            const scales = panels.scales.axes(this.definition, figures, this.hidden, this.state.colours, height);
            if (this.chart) {
                this.chart.data = data;
                this.chart.options.scales = scales;
                this.chart.update("none");
            } else {
                this.chart = new Chart(this.canvas, {
                    type: "line", data,
                    options: {
                        animation: false, responsive: true, maintainAspectRatio: false, events: [], scales, normalized: true,
                        layout: { padding: { top: 12, right: 10, left: 2 } }, plugins: { legend: { display: false }, tooltip: { enabled: false } },
                    },
                    plugins: [panels.scales.thresholds(this.definition), panels.marks.plugin(this.state), panels.scales.pointer(this.state)],
                });
            }
            this.box.setAttribute("aria-label", this.summary());
            if (this.state.at !== null) {
                this.point(this.state.at);
            }
        }

        /* What a person hears who cannot see it. */
        summary() {
            const words = this.state.figures.series.map((one) =>
                one.name + ": " + panels.words.last + " " + this.text(panels.calc(one.values, "lastNotNull")) + ", " + panels.words.max + " " + this.text(panels.calc(one.values, "max")));
            const marks = panels.marks.within(this.state.marks, this.state.figures.start * 1000, this.state.figures.end * 1000);
            const wrong = marks.length ? panels.words.incidents + ": " + panels.marks.words(marks).join("; ") + ". " : "";
            return this.definition.title + ". " + words.join("; ") + ". " + wrong + panels.words.keys;
        }

        text(value) {
            return panels.units.format(value, this.definition.unit, this.definition.decimals);
        }

        /* Incidents meanwhile: drawn over the chart that is there. */
        mark(marks) {
            this.state.marks = marks;
            if (this.chart) {
                this.chart.draw();
                this.box.setAttribute("aria-label", this.summary());
            }
        }

        toggle(place, alone) {
            const every = this.state.figures.series.map((_one, at) => at);
            if (alone) {
                const only = every.every((at) => (at === place) !== this.hidden.has(at));
                this.hidden = new Set(only ? [] : every.filter((at) => at !== place));
            } else if (!this.hidden.delete(place)) {
                this.hidden.add(place);
            }
            this.draw(this.state.figures);
        }

        listen() {
            this.canvas.addEventListener("pointermove", (event) => this.moved(event));
            this.canvas.addEventListener("pointerdown", (event) => this.pressed(event));
            this.canvas.addEventListener("pointerup", (event) => this.released(event));
            this.canvas.addEventListener("pointercancel", () => this.leave());
            this.canvas.addEventListener("pointerleave", (event) => {
                if (!this.state.drag && event.pointerType !== "touch") {
                    this.leave();
                }
            });
            this.canvas.addEventListener("click", (event) => {
                const mark = this.marked(event);
                if (mark && !this.dragged) {
                    location.assign(mark.url);
                }
            });
            this.box.addEventListener("keydown", (event) => this.key(event));
            this.box.addEventListener("blur", () => this.leave());
        }

        place(event) {
            return event.clientX - this.canvas.getBoundingClientRect().left;
        }

        /* The incident whose mark is under the pointer. */
        marked(event) {
            const { left, top } = this.canvas.getBoundingClientRect();
            return this.chart && panels.marks.pointed(this.chart, this.state.marks, event.clientX - left, event.clientY - top);
        }

        moment(x) {
            const scale = this.chart.scales.x;
            return Math.min(scale.max, Math.max(scale.min, scale.getValueForPixel(x)));
        }

        moved(event) {
            if (!this.chart) {
                return;
            }
            if (this.state.drag) {
                const area = this.chart.chartArea;
                this.state.drag[1] = Math.min(area.right, Math.max(area.left, this.place(event)));
            }
            this.canvas.style.cursor = !this.state.drag && this.marked(event) ? "pointer" : "";
            const figures = this.state.figures;
            this.point(Math.round((this.moment(this.place(event)) / 1000 - figures.start) / figures.step));
        }

        pressed(event) {
            if (this.chart && event.button === 0 && event.pointerType !== "touch") {
                this.canvas.setPointerCapture(event.pointerId);
                this.state.drag = [this.place(event), this.place(event)];
            }
            this.moved(event);
        }

        released() {
            const drag = this.state.drag;
            this.state.drag = null;
            this.dragged = Boolean(drag) && Math.abs(drag[1] - drag[0]) >= SHORTEST_DRAG;
            if (this.dragged) {
                const [from, to] = [this.moment(Math.min(...drag)), this.moment(Math.max(...drag))];
                this.leave();
                panels.times.choose(from, Math.max(to, from + 60000));
            } else if (this.chart) {
                this.chart.draw();
            }
        }

        key(event) {
            const figures = this.state.figures;
            if (!this.chart || event.ctrlKey || event.altKey || event.metaKey) {
                return;
            }
            const last = Math.max(...figures.series.map((one) => one.values.length), 1) - 1;
            const at = this.state.at ?? last + 1;
            const places = {
                ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - FAST, PageDown: at + FAST, Home: 0, End: last,
            };
            if (event.key in places) {
                this.point(Math.max(0, Math.min(last, places[event.key])));
                this.speak();
            } else if (event.key === "Escape" && this.state.at !== null) {
                this.leave();
            } else if (event.key === "+" || event.key === "-") {
                const middle = (figures.start + (this.state.at ?? last / 2) * figures.step) * 1000;
                const half = ((figures.end - figures.start) * 1000 * (event.key === "+" ? 0.5 : 2)) / 2;
                const end = Math.min(Date.now(), middle + half); /* what the future lacks is added before */
                panels.times.choose(end - 2 * half, end);
            } else {
                return;
            }
            event.preventDefault();
        }

        rows() {
            const found = this.state.figures.series.map((one, place) => ({ name: one.name, value: one.values[this.state.at], colour: this.chart.data.datasets[place].borderColor, dashed: one.dashed, hidden: this.hidden.has(place) }));
            const shown = found.filter((one) => !one.hidden && one.value !== null && one.value !== undefined);
            return shown.sort((one, other) => other.value - one.value);
        }

        marks() {
            return panels.marks.at(this.state.marks, this.state.figures, this.state.at);
        }

        when() {
            const figures = this.state.figures;
            return panels.times.exact((figures.start + this.state.at * figures.step) * 1000, (figures.end - figures.start) * 1000);
        }

        point(at) {
            const longest = Math.max(...this.state.figures.series.map((one) => one.values.length), 1);
            this.state.at = Math.max(0, Math.min(longest - 1, at));
            this.chart.draw();
            panels.tip(this.tip, this.chart, this.state, this.when(), this.rows().map((row) => ({ ...row, text: this.text(row.value) })), this.marks());
        }

        speak() {
            const words = this.rows().map((row) => row.name + " " + this.text(row.value));
            const wrong = panels.marks.words(this.marks()).join(", ");
            this.spoken.textContent = this.when() + ": " + (words.join(", ") || panels.words.none) + (wrong ? ". " + panels.words.incidents + ": " + wrong : "");
        }

        leave() {
            this.state.at = this.state.drag = null;
            this.tip.hidden = true;
            this.spoken.textContent = "";
            if (this.chart) {
                this.chart.draw();
            }
        }

        destroy() {
            if (this.chart) {
                this.chart.destroy();
            }
        }
    }

    panels.TimeSeries = TimeSeries;
})();
