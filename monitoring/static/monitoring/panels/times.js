/* The page's time range, in its address; and round moments for an axis, in this browser's zone. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
    const STEPS = [
        15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR,
        12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY,
    ];
    const language = () => document.documentElement.lang || "en";
    const formats = {};

    function written(moment, options) {
        const key = language() + JSON.stringify(options);
        formats[key] = formats[key] || new Intl.DateTimeFormat(language(), options);
        return formats[key].format(moment);
    }

    const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const clock = (moment, seconds) => written(moment, seconds ? { ...CLOCK, second: "2-digit" } : CLOCK);
    const day = (moment) => written(moment, { month: "short", day: "numeric" });
    const exact = (moment, span) =>
        written(moment, { year: span > 300 * DAY ? "numeric" : undefined, weekday: "short", month: "short", day: "numeric", ...CLOCK, second: span < HOUR ? "2-digit" : undefined });

    /* Round moments between two, in milliseconds, at local midnights and full hours also where clocks are changed. */
    function ticks(from, to, wanted) {
        const raw = (to - from) / Math.max(2, wanted);
        const step = STEPS.find((one) => one >= raw);
        if (!step) {
            return months(from, to, Math.ceil(raw / (30 * DAY)));
        }
        const found = [];
        const first = new Date(from);
        first.setHours(0, 0, 0, 0);
        if (step >= DAY) {
            const days = step / DAY;
            for (let at = first; at <= to; at = new Date(at.getFullYear(), at.getMonth(), at.getDate() + 1)) {
                const number = Math.round(Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / DAY);
                if (at >= from && number % days === 0) {
                    found.push(at.getTime());
                }
            }
            return found;
        }
        const start = first.getTime();
        for (let at = start + Math.ceil((from - start) / step) * step; at <= to; at += step) {
            const moved = (new Date(at).getTimezoneOffset() - first.getTimezoneOffset()) * MINUTE;
            const place = step > HOUR ? at + moved : at;
            if (place >= from && place <= to) {
                found.push(place);
            }
        }
        return found;
    }

    function months(from, to, every) {
        const found = [];
        const first = new Date(from);
        for (let at = new Date(first.getFullYear(), first.getMonth(), 1); at <= to; at = new Date(at.getFullYear(), at.getMonth() + 1, 1)) {
            if (at >= from && at.getMonth() % every === 0) {
                found.push(at.getTime());
            }
        }
        return found;
    }

    /* What stands below a moment of an axis: the day at midnight, the time else. */
    function label(moment, span) {
        const date = new Date(moment);
        if (span > 300 * DAY) {
            return written(date, { month: "short", year: "2-digit" });
        }
        const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
        return midnight && span > 2 * HOUR ? day(date) : clock(date, span < 5 * MINUTE);
    }

    /* The range of the page: what its address says, else what the page's own context says. */
    function read(fallback) {
        const asked = new URLSearchParams(location.search);
        return { from: asked.get("from") || fallback.from || "now-6h", to: asked.get("to") || fallback.to || "now" };
    }

    /* Ask the page for another range: its bar may take it, else the address changes here. */
    function choose(from, to) {
        const word = (moment) => (typeof moment === "number" ? String(Math.round(moment)) : moment);
        const wanted = { from: word(from), to: word(to) };
        const event = new CustomEvent("portal:choose-range", { detail: wanted, cancelable: true });
        if (!document.dispatchEvent(event)) {
            return;
        }
        const address = new URL(location.href);
        address.searchParams.set("from", wanted.from);
        address.searchParams.set("to", wanted.to);
        history.pushState(null, "", address);
        document.dispatchEvent(new CustomEvent("portal:range", { detail: wanted }));
    }

    panels.times = { ticks, label, exact, read, choose, clock };
})();
