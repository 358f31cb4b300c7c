/* What is chosen fills in its labels. The server puts them together; the box of labels is what is sent. */
(function () {
    "use strict";

    function fill(box, select) {
        const labels = document.querySelector("#id_labels");
        const query = new URLSearchParams({ key: select.value, labels: labels.value });
        box.setAttribute("aria-busy", "true");
        fetch(select.dataset.pick + "?" + query, { credentials: "same-origin" })
            .then(function (answer) {
                return answer.ok ? answer.json() : Promise.reject(answer.status);
            })
            .then(function (found) {
                labels.value = found.labels;
                document.querySelector("#id_message").value = "";
            })
            .catch(function () {
                box.classList.add("pm-offline");
            })
            .finally(function () {
                box.removeAttribute("aria-busy");
            });
    }

    document.addEventListener("DOMContentLoaded", function () {
        const box = document.querySelector("[data-pickers]");
        const jquery = window.django && window.django.jQuery;
        if (!box || !jquery) {
            return;
        }
        /* The boxes of Select2 tell jQuery alone. */
        jquery(box).on("select2:select", "select", function () {
            box.classList.remove("pm-offline");
            fill(box, this);
        });
    });
})();
