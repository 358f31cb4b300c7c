/* A panel as a picture: title, chart and legend on one canvas, as it stands on the page, twice as fine. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const PAD = 20;
    const ROW = 20;
    const HEAD = 54;
    const FINE = 2; /* pixels for each of the page's */

    function text(ctx, words, x, y, font, colour, align, room) {
        ctx.font = font;
        ctx.fillStyle = colour;
        ctx.textAlign = align || "left";
        let shown = words;
        while (room && shown.length > 1 && ctx.measureText(shown).width > room) {
            shown = shown.slice(0, -2) + "…";
        }
        ctx.fillText(shown, x, y);
    }

    function subtitle(figures) {
        const span = (figures.end - figures.start) * 1000;
        return panels.times.exact(figures.start * 1000, span) + " – " + panels.times.exact(figures.end * 1000, span) + " · " + Intl.DateTimeFormat().resolvedOptions().timeZone;
    }

    /* What a view shows, drawn as fine as the picture whatever the screen is, and put back as it was. */
    function finely(view, drawn) {
        const before = view.chart.options.devicePixelRatio;
        view.chart.options.devicePixelRatio = FINE;
        view.chart.resize();
        try {
            return drawn();
        } finally {
            view.chart.options.devicePixelRatio = before;
            view.chart.resize();
        }
    }

    /* An empty picture of that size, in the colour of the page's cards; returns what draws on it. */
    function sheet(width, height, colour) {
        const canvas = document.createElement("canvas");
        canvas.width = width * FINE;
        canvas.height = height * FINE;
        const ctx = canvas.getContext("2d");
        ctx.scale(FINE, FINE);
        ctx.fillStyle = colour;
        ctx.fillRect(0, 0, width, height);
        return ctx;
    }

    /* The series with their figures, from that height on. */
    function legend(ctx, definition, shown, view, y, width) {
        const colours = panels.theme.now();
        const calcs = definition.calcs.length ? definition.calcs : ["lastNotNull", "max"];
        const right = (place) => PAD + width - (calcs.length - 1 - place) * 90;
        calcs.forEach((name, place) => text(ctx, panels.words[name] || name, right(place), y, "11px " + colours.font, colours.subtle, "right"));
        shown.forEach(([one, place], row) => {
            const at = y + (row + 1) * ROW;
            ctx.fillStyle = view.chart.data.datasets[place].borderColor;
            (one.dashed ? [0, 9] : [0]).forEach((left) => ctx.fillRect(PAD + left, at - 5, one.dashed ? 5 : 14, 3));
            text(ctx, one.name, PAD + 22, at, "12px " + colours.font, colours.text, "left", width - 30 - calcs.length * 90);
            calcs.forEach((name, column) => text(ctx, panels.units.format(panels.calc(one.values, name), definition.unit, definition.decimals), right(column), at, "12px " + colours.font, colours.text, "right"));
        });
    }

    /* What was wrong meanwhile, from that height on. */
    function wrong(ctx, marks, y, width) {
        const colours = panels.theme.now();
        panels.marks.words(marks).forEach((words, row) => {
            ctx.fillStyle = panels.marks.colour(marks[row]);
            ctx.fillRect(PAD, y + row * ROW - 6, 14, 4);
            text(ctx, words, PAD + 22, y + row * ROW, "12px " + colours.font, colours.text, "left", width - 30);
        });
    }

    /* Draw a panel of time series; returns the canvas. */
    function draw(definition, figures, view) {
        const source = view.canvas;
        const [width, height] = [source.clientWidth, source.clientHeight];
        const colours = panels.theme.now();
        const shown = figures.series.map((one, place) => [one, place]).filter(([, place]) => !view.hidden.has(place));
        const marks = panels.marks.within(view.state.marks, figures.start * 1000, figures.end * 1000);
        const below = HEAD + height + PAD;
        const rows = shown.length + 1 + panels.marks.words(marks).length;
        const ctx = sheet(width + PAD * 2, below + rows * ROW + PAD, colours.card);
        text(ctx, definition.title, PAD, 28, "600 15px " + colours.font, colours.strong, "left", width);
        text(ctx, subtitle(figures), PAD, 45, "11px " + colours.font, colours.subtle, "left", width);
        ctx.drawImage(source, PAD, HEAD, width, height);
        legend(ctx, definition, shown, view, below, width);
        wrong(ctx, marks, below + (shown.length + 1) * ROW, width);
        return ctx.canvas;
    }

    function save(canvas, name) {
        canvas.toBlob((blob) => {
            const link = document.createElement("a");
            link.href = URL.createObjectURL(blob);
            link.download = name;
            link.click();
            window.setTimeout(() => URL.revokeObjectURL(link.href), 10000);
        }, "image/png");
    }

    function download(definition, figures, view) {
        const slug = definition.title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || definition.key;
        save(finely(view, () => draw(definition, figures, view)), slug + "-" + new Date(figures.end * 1000).toISOString().slice(0, 16).replace(/[-:]/g, "") + "Z.png");
    }

    panels.picture = { download };
})();
