/* Numbers as people read them, by Grafana's ids of units, and round numbers for an axis. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const SPACE = "\u00a0";
    const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    const BITS = ["b", "kb", "Mb", "Gb", "Tb", "Pb"];
    const COUNT = ["", "K", "Mil", "Bil", "Tri"];
    /* Each step of a ladder: from that value on, divide by it and write that behind it. */
    const ladder = (words, base, first, behind) =>
        words.slice(first || 0).map((word, place) => [place ? Math.pow(base, place) : 0, Math.pow(base, place), word + (behind || "")]);
    const TIME = [
        [0, 1e-9, "ns"], [1e-6, 1e-6, "µs"], [1e-3, 1e-3, "ms"], [1, 1, "s"], [60, 60, "min"], [3600, 3600, "h"],
        [86400, 86400, "d"], [31536000, 31536000, "y"],
    ];
    const scaled = (factor) => TIME.map(([from, by, word]) => [from / factor, by / factor, word]);
    const fixed = (word) => [[0, 1, word]];
    const LADDERS = {
        none: fixed(""), string: fixed(""), short: ladder(COUNT, 1000), locale: fixed(""),
        percent: fixed("%"), percentunit: [[0, 0.01, "%"]],
        bytes: ladder(BINARY, 1024), decbytes: ladder(DECIMAL, 1000),
        kbytes: ladder(BINARY, 1024, 1), deckbytes: ladder(DECIMAL, 1000, 1), mbytes: ladder(BINARY, 1024, 2), gbytes: ladder(BINARY, 1024, 3),
        bits: ladder(BITS, 1024), decbits: ladder(BITS, 1000),
        Bps: ladder(DECIMAL, 1000, 0, "/s"), binBps: ladder(BINARY, 1024, 0, "/s"), bps: ladder(BITS, 1000, 0, "/s"), binbps: ladder(BITS, 1024, 0, "/s"),
        pps: ladder(COUNT, 1000, 0, " p/s"), reqps: ladder(COUNT, 1000, 0, " req/s"), rps: ladder(COUNT, 1000, 0, " rd/s"),
        wps: ladder(COUNT, 1000, 0, " wr/s"), ops: ladder(COUNT, 1000, 0, " ops/s"), iops: ladder(COUNT, 1000, 0, " io/s"),
        cps: ladder(COUNT, 1000, 0, " c/s"), eps: ladder(COUNT, 1000, 0, " ev/s"), mps: ladder(COUNT, 1000, 0, " msg/s"),
        reqpm: ladder(COUNT, 1000, 0, " req/min"), opm: ladder(COUNT, 1000, 0, " ops/min"),
        s: TIME, ms: scaled(1e-3), µs: scaled(1e-6), ns: scaled(1e-9), m: scaled(60), h: scaled(3600), d: scaled(86400),
        dtdurations: TIME, clocks: TIME, hertz: ladder(["Hz", "kHz", "MHz", "GHz"], 1000),
        celsius: fixed("°C"), watt: ladder(["W", "kW", "MW"], 1000), volt: fixed("V"), humidity: fixed("%"),
    };
    const DURATIONS = { s: 1, dtdurations: 1, clocks: 1, ms: 1e-3, m: 60, h: 3600, d: 86400, dtdurationms: 1e-3, clockms: 1e-3 };
    const DATES = { dateTimeAsIso: 1, dateTimeAsLocal: 1, dateTimeFromNow: 1 };

    /* A unit of Grafana's that has no ladder here may carry its own word: "suffix: cores", "prefix:€". */
    function ladderOf(unit) {
        const own = /^(suffix|prefix|si|count|currency|time|bool):(.*)$/.exec(unit || "");
        if (own) {
            return own[1] === "suffix" || own[1] === "count" || own[1] === "si" ? ladder(COUNT, 1000, 0, " " + own[2].trim()) : fixed("");
        }
        return LADDERS[unit] || LADDERS.short;
    }

    function stepFor(unit, size) {
        const steps = ladderOf(unit);
        let found = steps[0];
        steps.forEach((step) => {
            if (size >= step[0] * 0.9999999) {
                found = step;
            }
        });
        return size === 0 && (unit in DURATIONS) ? steps.find((step) => step[2] === "s") || found : found;
    }

    const numbers = {};
    function digits(value, least, most) {
        const key = least + "/" + most;
        numbers[key] = numbers[key] || new Intl.NumberFormat(document.documentElement.lang || "en", { minimumFractionDigits: least, maximumFractionDigits: most });
        return numbers[key].format(value);
    }

    function places(value) {
        const size = Math.abs(value);
        return size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4;
    }

    /* In the reader's language where it is a length of time, else the unit as everybody writes it. */
    function timed(text, word) {
        const known = (panels.words || {})["time-" + word];
        return known && known.includes("%d") ? known.replace("%d", text).replace(" ", SPACE) : text + SPACE + word;
    }

    function joined(text, word) {
        if (TIME.some((step) => step[2] === word)) {
            return timed(text, word);
        }
        return word ? text + (word === "%" ? "" : SPACE) + word.trim() : text;
    }

    /* A length of time in its two largest parts: "3 d 4 h". */
    function duration(seconds) {
        const parts = [[31536000, "y"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
        let rest = Math.round(Math.abs(seconds));
        const words = [];
        for (const [size, word] of parts) {
            const whole = Math.floor(rest / size);
            rest -= whole * size;
            if (whole) {
                words.push(timed(whole, word));
            } else if (words.length) {
                break;
            }
            if (words.length === 2) {
                break;
            }
        }
        return (seconds < 0 ? "−" : "") + (words.join(" ") || timed(0, "s"));
    }

    /* The value as a text. decimals: as many as the panel says, else as many as tell something. */
    function format(value, unit, decimals) {
        if (value === null || value === undefined || Number.isNaN(value)) {
            return "–";
        }
        if (unit in DATES) {
            return new Date(value).toLocaleString(document.documentElement.lang || "en");
        }
        if (unit in DURATIONS && Math.abs(value * DURATIONS[unit]) >= 60) {
            return duration(value * DURATIONS[unit]);
        }
        const step = stepFor(unit, Math.abs(value));
        const shown = value / step[1];
        const whole = step[2] === "" || step[2] === "B" ? Number.isInteger(shown) : false;
        const most = decimals === null || decimals === undefined ? (whole ? 0 : Math.min(places(shown), 2)) : Math.min(decimals, places(shown) + 1);
        const tiny = shown !== 0 && Math.abs(shown) < Math.pow(10, -most) / 2;
        return joined(digits(shown, 0, tiny ? Math.min(6, Math.ceil(-Math.log10(Math.abs(shown)))) : most), step[2]);
    }

    /* Round numbers from lowest to highest, about as many as asked for, round in the unit that they are written in. */
    function ticks(lowest, highest, unit, wanted, whole) {
        const size = Math.max(Math.abs(lowest), Math.abs(highest)) || 1;
        const step = stepFor(unit, size);
        const by = step[1];
        const least = whole && by === 1 ? 1 : 0;
        const raw = Math.max(least, (highest - lowest || size) / by / Math.max(1, wanted));
        const power = Math.pow(10, Math.floor(Math.log10(raw)));
        const choices = unit in DURATIONS && by >= 60 && by < 86400 && raw > 1 ? [1, 2, 5, 10, 15, 20, 30, 60, 120] : (unit in DURATIONS && by >= 86400 ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10]).map((one) => one * power);
        const wide = (choices.find((one) => one >= raw * 0.999) || choices[choices.length - 1]) * by;
        const from = Math.floor(lowest / wide + 1e-9) * wide;
        const found = [];
        for (let at = from; found.length < 40; at = from + found.length * wide) {
            found.push(Number(at.toPrecision(12)));
            if (at >= highest - wide * 1e-6) {
                break;
            }
        }
        const exact = Math.min(6, String(Number((wide / by).toPrecision(6))).split(".")[1]?.length || 0);
        return { values: found, label: (value) => joined(digits(value / by, 0, exact), value === 0 && step[2] !== "%" ? "" : step[2]) };
    }

    panels.units = { format, ticks, duration };
})();
