/* What the route means, kept up with the form while it is typed. The server finds the words. */
(function () {
    "use strict";

    const WAIT = 350;

    function follow(box) {
        const form = document.querySelector("#route_form");
        if (!form) {
            return;
        }
        let waiting = null;
        let number = 0;

        async function ask() {
            number += 1;
            const mine = number;
            try {
                const answer = await fetch(box.dataset.url, {
                    method: "POST",
                    body: new FormData(form),
                    credentials: "same-origin",
                    headers: { "X-Requested-With": "fetch" },
                });
                if (answer.ok && mine === number) {
                    box.innerHTML = await answer.text();
                }
                box.classList.toggle("pm-offline", !answer.ok);
            } catch (error) {
                box.classList.add("pm-offline");
            }
        }

        function later() {
            window.clearTimeout(waiting);
            waiting = window.setTimeout(ask, WAIT);
        }

        form.addEventListener("input", later);
        form.addEventListener("change", later);
        document.addEventListener("formset:added", later);
        document.addEventListener("formset:removed", later);
        /* The boxes of Select2 tell jQuery alone. */
        const jquery = window.django && window.django.jQuery;
        if (jquery) {
            jquery(form).on("change", later);
        }
        if (!box.dataset.filled) {
            later();
        }
    }

    document.addEventListener("DOMContentLoaded", function () {
        document.querySelectorAll("[data-route-summary]").forEach(follow);
    });
})();
