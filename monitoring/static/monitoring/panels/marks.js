/* Incidents as marks: a strip above a chart for how long each lasted, and one list of them for the page. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const COLOURS = { critical: "red", warning: "orange", info: "blue" };
    const BADGES = { critical: "pm-bad", warning: "pm-warn", info: "pm-calm" };
    const WEIGHT = ["info", "warning", "critical"];
    const STRIP = { above: 8, height: 4 };
    const WITH_LINES = 8; /* more lines than these would be a fence in front of the curves */
    const FEW = 3; /* so many are told by the tooltip, and by voice */

    const colour = (mark) => panels.theme.named(COLOURS[mark.severity] || "blue");
    const until = (mark) => (mark.end === null ? Date.now() : mark.end * 1000);

    /* Those that lasted at some time between two moments, the worst first. */
    function within(marks, from, to) {
        return marks.filter((mark) => mark.start * 1000 <= to && until(mark) >= from);
    }

    /* What goes on all the time tells nothing about a curve: it is in the list alone, unless it is as bad as can be. */
    function drawn(marks, start) {
        return marks.filter((mark) => mark.severity === "critical" || mark.start * 1000 > start || mark.end !== null);
    }

    /* Those of one point of these figures. */
    function at(marks, figures, place) {
        const moment = (figures.start + place * figures.step) * 1000;
        return within(marks, moment - figures.step * 500, moment + figures.step * 500);
    }

    /* The bounds of a mark on a chart in pixels; null where it is outside. */
    function bounds(chart, mark) {
        const { chartArea: area, scales: { x } } = chart;
        const from = Math.max(area.left, x.getPixelForValue(mark.start * 1000));
        const to = Math.min(area.right, x.getPixelForValue(until(mark)));
        return to < area.left || from > area.right ? null : [from, Math.max(to, from + 3)];
    }

    /* The worst mark whose strip is at that place of a chart. */
    function pointed(chart, marks, x, y) {
        const top = chart.chartArea.top;
        if (y > top + 2 || y < top - STRIP.above - 4) {
            return undefined;
        }
        return marks.find((mark) => {
            const place = bounds(chart, mark);
            return place && x >= place[0] - 4 && x <= place[1] + 4;
        });
    }

    /* Draws the strip; the worst lie on top. A dashed line goes down from each beginning while there are few. */
    function plugin(state) {
        return {
            id: "portal-marks",
            beforeDatasetsDraw(chart) {
                const { ctx, chartArea: area } = chart;
                const marks = [...state.marks].sort((one, other) => WEIGHT.indexOf(one.severity) - WEIGHT.indexOf(other.severity));
                ctx.save();
                marks.forEach((mark) => {
                    const place = bounds(chart, mark);
                    if (!place) {
                        return;
                    }
                    ctx.fillStyle = colour(mark);
                    ctx.fillRect(place[0], area.top - STRIP.above, place[1] - place[0], STRIP.height);
                    if (marks.length <= WITH_LINES && mark.start * 1000 >= chart.scales.x.min) {
                        ctx.strokeStyle = panels.theme.faded(colour(mark), 0.55);
                        ctx.lineWidth = 1;
                        ctx.setLineDash([2, 3]);
                        ctx.beginPath();
                        ctx.moveTo(Math.round(place[0]) + 0.5, area.top - STRIP.above);
                        ctx.lineTo(Math.round(place[0]) + 0.5, area.bottom);
                        ctx.stroke();
                    }
                });
                ctx.restore();
            },
        };
    }

    /* "critical: web-01 is down"; of many the worst, and how many more. */
    function words(marks) {
        const told = marks.slice(0, FEW).map((mark) => mark.word + ": " + mark.title);
        return marks.length > FEW ? [...told, "+ " + (marks.length - FEW)] : told;
    }

    /* Add to a tooltip what was wrong at that moment. */
    function told(box, marks) {
        words(marks).forEach((text, place) => {
            const line = panels.make("div", "pp-tip-row pp-tip-mark", box);
            const sign = panels.make("span", "pp-mark-sign", line);
            sign.style.color = marks[place] && place < FEW ? colour(marks[place]) : "inherit";
            panels.make("span", "pp-tip-name", line, text);
        });
    }

    function lasted(mark, span) {
        const start = panels.times.exact(mark.start * 1000, span);
        return mark.end === null ? panels.words.since.replace("%(start)s", start) : start + " – " + panels.times.exact(mark.end * 1000, span);
    }

    /* Fill the page's list; what somebody opened stays open, and who reads it is not disturbed by what is the same. */
    function list(element, found, span) {
        const kept = JSON.stringify(found);
        element.hidden = !found.marks.length;
        if (element.dataset.kept === kept) {
            return;
        }
        element.dataset.kept = kept;
        const count = element.querySelector("summary b");
        count.textContent = found.every;
        count.className = "pm-badge " + (found.marks[0] ? BADGES[found.marks[0].severity] || "" : "");
        const rows = element.querySelector("ul");
        rows.replaceChildren();
        found.marks.forEach((mark) => {
            const row = panels.make("li", "", rows);
            panels.make("span", "pm-badge " + (BADGES[mark.severity] || ""), row, mark.word);
            panels.make("a", "pm-link", row, mark.title).href = mark.url;
            panels.make("span", "pp-small", row, lasted(mark, span));
        });
        if (found.every > found.marks.length) {
            panels.make("li", "pp-small", rows, panels.words.rows.replace("%(shown)s", found.marks.length).replace("%(every)s", found.every));
        }
    }

    const under_way = {};

    /* The marks of that address; null where they could not be had: what is drawn stays as it is. Two parts of a page that ask for the same share the answer. */
    function fetched(address) {
        under_way[address] = under_way[address] || fetch(address, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" } })
            .then((answer) => (answer.ok && !answer.redirected ? answer.json() : null))
            .catch(() => null)
            .finally(() => window.setTimeout(() => delete under_way[address], 1000));
        return under_way[address];
    }

    panels.marks = { at, colour, drawn, within, pointed, plugin, words, told, list, fetched };
})();
