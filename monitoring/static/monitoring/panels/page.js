/* The panels of a page together: the range that they share, refreshing while somebody looks, and one word of trouble. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const SHARED = ["absent", "away", "slow", "token", "odd", "choose"];
    const WHOLLY = ["absent", "away", "token", "odd"]; /* no panel has anything: one card says it, not each of them */
    const UNITS = { s: 1, m: 60, h: 3600 };

    function seconds(text) {
        const found = /^(\d{1,5})([smh])$/.exec(text || "");
        return found ? Math.max(5, Number(found[1]) * UNITS[found[2]]) : 0;
    }

    class Page {
        constructor(element) {
            this.element = element;
            this.notice = element.querySelector(".pp-notice");
            this.trouble = null;
            this.marks = [];
            this.stale = new Set();
            const definitions = JSON.parse(element.querySelector("script[type='application/json']").textContent);
            this.panels = [...element.querySelectorAll(".pp-panel")].map((one, place) => new panels.Panel(one, definitions[place], this));
            this.readRange();
            this.inSight = new Set();
            this.watcher = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "200px" });
            this.panels.forEach((one) => {
                this.stale.add(one);
                this.watcher.observe(one.element);
            });
            this.listen();
            this.later();
        }

        readRange() {
            this.range = panels.times.read({ from: this.element.dataset.from, to: this.element.dataset.to });
            this.every = seconds(new URLSearchParams(location.search).get("refresh") ?? this.element.dataset.refreshEvery ?? "30s");
        }

        listen() {
            const again = () => {
                this.readRange();
                this.reload();
            };
            document.addEventListener("portal:range", again);
            document.addEventListener("portal:refresh", () => this.reload());
            window.addEventListener("popstate", again);
            window.addEventListener("pagehide", () => this.panels.forEach((one) => one.leave()));
            window.addEventListener("pageshow", (event) => event.persisted && this.reload());
            document.addEventListener("visibilitychange", () => {
                window.clearTimeout(this.waiting);
                if (!document.hidden) {
                    this.reload();
                    this.later();
                }
            });
            panels.theme.watch(() => this.panels.forEach((one) => one.figures && one.view && one.draw()));
        }

        seen(entries) {
            if (!this.looked && entries.some((entry) => entry.isIntersecting)) {
                this.look();
            }
            entries.forEach((entry) => {
                const panel = this.panels.find((one) => one.element === entry.target);
                this.inSight[entry.isIntersecting ? "add" : "delete"](panel);
                if (entry.isIntersecting && this.stale.delete(panel)) {
                    panel.load();
                }
            });
        }

        /* Incidents meanwhile. Of two parts of a page that show the same thing the first one lists them. */
        look() {
            const { marks } = this.element.dataset;
            if (!marks || !this.element.offsetParent) {
                return;
            }
            this.looked = true;
            const asked = new URLSearchParams({ from: this.range.from, to: this.range.to });
            panels.marks.fetched(marks + "&" + asked).then((found) => {
                if (found) {
                    this.marks = panels.marks.drawn(found.marks, found.start * 1000);
                    this.panels.forEach((one) => one.mark(this.marks));
                    const first = document.querySelector("[data-panels]") === this.element;
                    const from = Math.min(...found.marks.map((one) => one.start * 1000));
                    first && panels.marks.list(this.element.querySelector(".pp-marks"), found, Date.now() - from);
                }
            });
        }

        /* Everything is old: what is in sight is asked for now, the rest when it comes into sight. */
        reload() {
            this.look();
            this.panels.forEach((one) => {
                if (this.inSight.has(one)) {
                    this.stale.delete(one);
                    one.load();
                } else {
                    this.stale.add(one);
                }
            });
        }

        later() {
            window.clearTimeout(this.waiting);
            if (!this.every || document.hidden) {
                return;
            }
            this.waiting = window.setTimeout(() => {
                if (!this.trouble && /^now$/.test(this.range.to)) {
                    this.reload();
                }
                this.later();
            }, this.every * 1000);
        }

        drawn() {
            if (this.trouble) {
                this.trouble = null;
                this.notice.hidden = true;
                this.element.classList.remove("pp-without");
                this.panels.forEach((one) => one.element.dataset.state === "trouble" && one.load());
            }
        }

        /* Returns whether the page tells the trouble in one place. Then one panel alone looks whether it is over. */
        troubled(panel, trouble) {
            const shared = SHARED.includes(trouble.kind);
            const probe = !shared || !this.trouble || this.probe === panel;
            if (shared) {
                this.probe = this.trouble ? this.probe : panel;
                this.tell(trouble);
            }
            if (trouble.retry && probe) {
                panel.lookAgain(trouble.retry * (shared ? 1 : 0.7 + Math.random() * 0.6));
            }
            return shared;
        }

        tell(trouble) {
            if (this.trouble && this.trouble.kind === trouble.kind) {
                return;
            }
            this.trouble = trouble;
            if (trouble.kind === "choose") {
                this.choose(trouble);
                return;
            }
            const absent = trouble.kind === "absent";
            this.element.classList.toggle("pp-without", WHOLLY.includes(trouble.kind));
            this.notice.replaceChildren();
            panels.icon(absent ? "monitoring" : "cloud_off", this.notice);
            const text = panels.make("div", "", this.notice);
            panels.make("h3", "", text, absent ? panels.words.absent : panels.words.trouble);
            panels.make("p", "", text, trouble.sentence);
            if (absent) {
                panels.make("p", "", text, panels.words.absentHint);
                panels.make("code", "pm-code", text, "bin/up --install-monitoring");
            }
            panels.make("p", "pp-small", text, (absent ? panels.words.elsewhere : trouble.hint) + " " + panels.words.next);
            const again = panels.make("button", "pm-button", text, panels.words.again);
            again.type = "button";
            again.addEventListener("click", () => this.probe.load());
            this.notice.hidden = false;
            document.querySelectorAll("details[data-panels-instead]").forEach((one) => (one.open = true));
        }

        /* Nothing is wrong: these panels show one thing, and nobody has said which. */
        choose(trouble) {
            this.element.classList.add("pp-without");
            this.notice.replaceChildren();
            panels.icon("tune", this.notice);
            const text = panels.make("div", "", this.notice);
            panels.make("h3", "", text, panels.words.choose);
            panels.make("p", "", text, trouble.sentence);
            this.notice.hidden = false;
        }
    }

    /* A button with data-choose="now-7d" asks for that range; the one that is shown is marked. */
    function chooser(button) {
        if (button.dataset.started) {
            return;
        }
        button.dataset.started = "yes";
        const mark = () => {
            const here = panels.times.read({}).from === button.dataset.choose;
            button.classList.toggle("pm-here", here);
            button.setAttribute("aria-pressed", String(here));
        };
        button.addEventListener("click", () => panels.times.choose(button.dataset.choose, "now"));
        document.addEventListener("portal:range", mark);
        window.addEventListener("popstate", mark);
        mark();
    }

    function start() {
        const words = document.querySelector("[data-panel-words] script");
        if (!words) {
            return;
        }
        panels.words = JSON.parse(words.textContent);
        document.querySelectorAll("[data-choose]").forEach(chooser);
        document.querySelectorAll("[data-panels]").forEach((element) => {
            if (!element.dataset.started) {
                element.dataset.started = "yes";
                new Page(element);
            }
        });
    }

    if (document.readyState === "loading") {
        document.addEventListener("DOMContentLoaded", start);
    } else {
        start();
    }
    document.addEventListener("portal:panels", start);
})();
