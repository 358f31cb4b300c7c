/* Asks the portal for numbers: few at once, those in sight first, and none for a page that is gone. */
(function () {
    "use strict";

    const panels = (window.portalPanels = window.portalPanels || {});
    const AT_ONCE = 3;
    const waiting = [];
    let under_way = 0;

    function next() {
        while (under_way < AT_ONCE && waiting.length) {
            const job = waiting.shift();
            if (job.signal.aborted) {
                continue;
            }
            under_way += 1;
            fetched(job).finally(() => {
                under_way -= 1;
                next();
            });
        }
    }

    async function fetched(job) {
        try {
            const answer = await fetch(job.address, { credentials: "same-origin", signal: job.signal, headers: { "X-Requested-With": "fetch" } });
            if (answer.redirected || answer.status === 403) {
                location.reload(); /* logged out meanwhile: the login page brings us back here */
                return;
            }
            if (answer.status === 404) {
                job.done({ trouble: { kind: "gone", sentence: panels.words.gone, hint: "", retry: 0 } });
                return;
            }
            if (!answer.ok) {
                throw new Error(String(answer.status));
            }
            job.done(await answer.json());
        } catch (error) {
            if (error.name !== "AbortError") {
                job.done({ trouble: { kind: "failed", sentence: panels.words.failed, hint: panels.words.failedHint, retry: 15 } });
            }
        }
    }

    /* Call done with the answer, unless the signal aborts. */
    function ask(address, signal, done) {
        waiting.push({ address, signal, done });
        next();
    }

    panels.ask = ask;
})();
