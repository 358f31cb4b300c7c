/* A panel as a picture: title, chart and legend on one canvas, as it stands on the page, twice as fine. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const PAD = 20;
    const ROW = 20;
    const HEAD = 54;

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

    /* Draw a panel of time series; returns the canvas. */
    function draw(definition, figures, view) {
        const source = view.canvas;
        const [width, height] = [source.clientWidth, source.clientHeight];
        const colours = panels.theme.now();
        const shown = figures.series.map((one, place) => [one, place]).filter(([, place]) => !view.hidden.has(place));
        const canvas = document.createElement("canvas");
        const full = { width: width + PAD * 2, height: HEAD + height + PAD + (shown.length + 1) * ROW + PAD };
        canvas.width = full.width * 2;
        canvas.height = full.height * 2;
        const ctx = canvas.getContext("2d");
        ctx.scale(2, 2);
        ctx.fillStyle = colours.card;
        ctx.fillRect(0, 0, full.width, full.height);
        text(ctx, definition.title, PAD, 28, "600 15px " + colours.font, colours.strong, "left", width);
        text(ctx, subtitle(figures), PAD, 45, "11px " + colours.font, colours.subtle, "left", width);
        ctx.drawImage(source, PAD, HEAD, width, height);
        const calcs = definition.calcs.length ? definition.calcs : ["lastNotNull", "max"];
        const right = (place) => PAD + width - (calcs.length - 1 - place) * 90;
        let y = HEAD + height + PAD;
        calcs.forEach((name, place) => text(ctx, panels.words[name] || name, right(place), y, "11px " + colours.font, colours.subtle, "right"));
        shown.forEach(([one, place]) => {
            y += ROW;
            ctx.fillStyle = view.chart.data.datasets[place].borderColor;
            ctx.fillRect(PAD, y - 5, 14, 3);
            text(ctx, one.name, PAD + 22, y, "12px " + colours.font, colours.text, "left", width - 30 - calcs.length * 90);
            calcs.forEach((name, at) => text(ctx, panels.units.format(panels.calc(one.values, name), definition.unit, definition.decimals), right(at), y, "12px " + colours.font, colours.text, "right"));
        });
        return canvas;
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
        save(draw(definition, figures, view), slug + "-" + new Date(figures.end * 1000).toISOString().slice(0, 16).replace(/[-:]/g, "") + "Z.png");
    }

    panels.picture = { download };
})();
