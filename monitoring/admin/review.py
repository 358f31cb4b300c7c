"""The weekly review: a checklist to sign, and the history of those that were signed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from monitoring.admin import help as help_page
from monitoring.admin import stack as stack_page
from monitoring.models import Review
from portal.lib import sections, show
from portal.lib.admin import GuardedAdmin


@admin.register(Review)
class ReviewAdmin(GuardedAdmin):
    """A signature is made once and stays: nobody edits or deletes one. The stack's pages live beside it."""

    list_display = ("when", "signer", "note")
    list_display_links = ("when",)
    search_fields = ("signer", "note")
    search_help_text = gettext_lazy("Person or note")
    ordering = ("-signed_at", "-pk")
    readonly_fields = ("signed_at", "signer")
    export_columns = (
        "signed_at", "signer", "retention_checked", "rules_reviewed", "dashboards_reviewed", "note",
    )  # fmt: skip
    empty_hint = gettext_lazy(
        "Once a week somebody looks at how long Prometheus keeps its data, at rules and dashboards, and signs."
    )

    def get_urls(self) -> list[URLPattern]:
        """With the pages of the stack."""
        view = self.admin_site.admin_view
        return [
            path("stack/", view(stack_page.page), name="monitoring_stack"),
            path("stack/live/", view(stack_page.live), name="monitoring_stack_live"),
            path("help/", view(help_page.page), name="monitoring_help"),
            *super().get_urls(),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it is signed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it is history."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The checklist; of a signed one, by whom and when too."""
        checklist = ["retention_checked", "rules_reviewed", "dashboards_reviewed", "note"]
        return ["signed_at", "signer", *checklist] if obj else checklist

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The checklist, below what the programs say about each of its lines."""
        found = sections.render("monitoring.review:sign", request) if request.method == "GET" else []
        more = {"show_save_and_add_another": False, "show_save_and_continue": False, "sections_top": found}
        return super().add_view(request, form_url, {**(extra_context or {}), **more})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Sign it with the name of whoever sent the form."""
        person: Any = request.user
        obj.signed_by, obj.signer = person, person.get_full_name() or person.get_username()
        super().save_model(request, obj, form, change)

    @display(description=gettext_lazy("signed"), ordering="signed_at")
    def when(self, review: Review) -> Any:
        """When, in the person's zone."""
        return show.moment(review.signed_at)
