/* What a chart of time series is made of: lines, axes with round numbers, thresholds. Chart.js draws it. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const DASH = [5, 4];

    /* The colour of each series: thresholds are red, some have one that means something, the others take theirs in a row. */
    function colours(figures) {
        let plain = 0;
        return figures.series.map((one) => (one.dashed ? panels.theme.named("red") : panels.theme.named(one.colour) || panels.theme.series(plain++)));
    }

    /* The lines of a panel as Chart.js wants them. hidden: a set of places. */
    function datasets(definition, figures, hidden) {
        let stacked = 0;
        const every = colours(figures);
        return figures.series.map((one, place) => {
            const colour = every[place];
            const points = one.values.map((value, at) => ({ x: (figures.start + at * figures.step) * 1000, y: value }));
            const area = definition.stacked ? 0.4 : depth(figures.series, one);
            /* A function is asked for each point: only where there is a dot at all. */
            const dots = one.values.some((_value, at) => lonely(one.values, at));
            return {
                label: one.name, data: points, borderColor: colour, hidden: hidden.has(place), parsing: false,
                borderWidth: one.dashed ? 1.25 : 1.75, borderDash: one.dashed ? DASH : [], tension: 0, spanGaps: false,
                backgroundColor: definition.stacked ? panels.theme.faded(colour, area) : (context) => shade(context.chart, colour, area),
                fill: one.dashed ? false : area ? (definition.stacked && stacked++ ? "-1" : "origin") : false,
                stack: one.dashed ? "limit-" + place : "all", order: one.dashed ? 0 : 1,
                pointRadius: dots ? (context) => (lonely(one.values, context.dataIndex) ? 1.5 : 0) : 0, pointBackgroundColor: colour, pointBorderWidth: 0, pointHoverRadius: 0,
                borderJoinStyle: "round",
            };
        });
    }

    /* How deep the area below a line is coloured: the more lines there are, the less; a level line bounds the others. */
    function depth(series, one) {
        const lines = series.filter((other) => !other.dashed).length;
        const known = one.values.filter((value) => value !== null);
        const level = lines > 1 && known.every((value) => value === known[0]);
        return level || lines > 4 ? 0 : lines > 1 ? 0.12 : 0.22;
    }

    /* A colour that fades towards the ground. */
    function shade(chart, colour, part) {
        if (!chart.chartArea) {
            return "transparent";
        }
        const { top, bottom } = chart.chartArea;
        const drawn = chart.ctx.createLinearGradient(0, top, 0, bottom);
        drawn.addColorStop(0, panels.theme.faded(colour, part));
        drawn.addColorStop(1, panels.theme.faded(colour, part * 0.15));
        return drawn;
    }

    /* A point with a gap on both sides is no line: it becomes a dot. */
    function lonely(values, at) {
        const there = (place) => values[place] !== null && values[place] !== undefined;
        return there(at) && !there(at - 1) && !there(at + 1);
    }

    /* The lowest and highest number that has to be seen. */
    function extent(definition, figures, hidden) {
        let lowest = Infinity;
        let highest = -Infinity;
        const sums = [];
        figures.series.forEach((one, place) => {
            if (hidden.has(place)) {
                return;
            }
            one.values.forEach((value, at) => {
                if (value === null) {
                    return;
                }
                const top = definition.stacked && !one.dashed ? (sums[at] = (sums[at] || 0) + value) : value;
                lowest = Math.min(lowest, top);
                highest = Math.max(highest, top);
            });
        });
        if (lowest > highest) {
            lowest = highest = 0;
        }
        lowest = lowest >= 0 ? 0 : lowest;
        highest = highest <= lowest ? lowest + 1 : highest;
        return [definition.minimum ?? lowest, definition.maximum === null ? highest : Math.max(definition.maximum, 0)];
    }

    function axes(definition, figures, hidden, colours, height) {
        const [lowest, highest] = extent(definition, figures, hidden);
        const vertical = panels.units.ticks(lowest, highest, definition.unit, Math.max(2, Math.min(6, Math.floor(height / 42))), definition.decimals === 0);
        const top = definition.maximum === null ? vertical.values[vertical.values.length - 1] : highest;
        const from = figures.start * 1000;
        const to = Math.max(figures.end * 1000, from + figures.step * 1000);
        const font = { family: colours.font, size: 11 };
        return {
            x: {
                type: "linear", min: from, max: to, border: { color: colours.axis }, grid: { color: colours.line, drawTicks: false },
                ticks: { color: colours.subtle, font, maxRotation: 0, autoSkip: false, padding: 6, callback: (value) => panels.times.label(value, to - from) },
                afterBuildTicks: (axis) => {
                    axis.ticks = panels.times.ticks(from, to, Math.max(2, axis.width / 60)).map((value) => ({ value }));
                },
            },
            y: {
                type: "linear", min: definition.minimum ?? vertical.values[0], max: top, stacked: definition.stacked,
                border: { display: false }, grid: { color: colours.line, drawTicks: false },
                ticks: { color: colours.subtle, font, padding: 8, autoSkip: false, callback: (value) => vertical.label(value) },
                afterBuildTicks: (axis) => {
                    axis.ticks = vertical.values.filter((value) => value <= top * 1.000001).map((value) => ({ value }));
                },
            },
        };
    }

    /* Steps of colour behind the lines: an area from each step upwards, with a line at its beginning. */
    function thresholds(definition) {
        const steps = definition.steps.filter(([from]) => from !== null);
        return {
            id: "portal-thresholds",
            beforeDatasetsDraw(chart) {
                const { ctx, chartArea: area, scales } = chart;
                steps.forEach(([from, name], place) => {
                    const colour = panels.theme.named(name);
                    if (!colour || from > scales.y.max || from < scales.y.min || name.includes("green")) {
                        return;
                    }
                    const next = steps[place + 1] ? Math.min(steps[place + 1][0], scales.y.max) : scales.y.max;
                    const [low, high] = [scales.y.getPixelForValue(from), scales.y.getPixelForValue(next)];
                    ctx.save();
                    ctx.fillStyle = panels.theme.faded(colour, 0.06);
                    ctx.fillRect(area.left, high, area.right - area.left, low - high);
                    ctx.strokeStyle = panels.theme.faded(colour, 0.6);
                    ctx.setLineDash(DASH);
                    ctx.beginPath();
                    ctx.moveTo(area.left, low);
                    ctx.lineTo(area.right, low);
                    ctx.stroke();
                    ctx.restore();
                });
            },
        };
    }

    /* The line under the pointer with a dot on each series, and what is being dragged over. */
    function pointer(state) {
        return {
            id: "portal-pointer",
            afterDatasetsDraw(chart) {
                const { ctx, chartArea: area, scales } = chart;
                ctx.save();
                if (state.drag) {
                    const [from, to] = [Math.min(...state.drag), Math.max(...state.drag)];
                    ctx.fillStyle = panels.theme.faded(panels.theme.named("blue"), 0.16);
                    ctx.fillRect(from, area.top, to - from, area.bottom - area.top);
                }
                if (state.at !== null) {
                    const figures = state.figures;
                    const x = scales.x.getPixelForValue((figures.start + state.at * figures.step) * 1000);
                    ctx.strokeStyle = state.colours.subtle;
                    ctx.lineWidth = 1;
                    ctx.setLineDash([3, 3]);
                    ctx.beginPath();
                    ctx.moveTo(Math.round(x) + 0.5, area.top);
                    ctx.lineTo(Math.round(x) + 0.5, area.bottom);
                    ctx.stroke();
                    ctx.setLineDash([]);
                    chart.data.datasets.forEach((set, place) => {
                        const dot = chart.isDatasetVisible(place) && chart.getDatasetMeta(place).data[state.at];
                        if (dot && !dot.skip && !set.borderDash.length) {
                            ctx.beginPath();
                            ctx.arc(dot.x, dot.y, 3.5, 0, Math.PI * 2);
                            ctx.fillStyle = set.borderColor;
                            ctx.fill();
                            ctx.lineWidth = 1.5;
                            ctx.strokeStyle = state.colours.card;
                            ctx.stroke();
                        }
                    });
                }
                ctx.restore();
            },
        };
    }

    panels.scales = { colours, datasets, axes, thresholds, pointer };
})();
