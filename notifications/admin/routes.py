"""Routes: the list in its order, the editor, and what a route means in plain words while it is edited."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.decorators import action, display

from notifications import summary
from notifications.admin.route_words import in_words, rule_of_form
from notifications.admin.trying import pick, try_page
from notifications.models import AlertChannel, EscalationStep, QuietWindow, Route
from notifications.reaching import unreached_channels
from notifications.routing.rules import Grouping
from notifications.rulebook import as_receiver
from notifications.ruleforms import RouteForm, StepForm, WindowForm, WindowFormSet
from portal.lib import show
from portal.lib.admin import GuardedAdmin


class _PartInline(TabularInline):
    extra = 0
    tab = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the route."""
        return True

    def _may_edit(self, request: HttpRequest) -> bool:
        editor: Any = self.admin_site._registry[Route]
        return bool(editor.has_change_permission(request) or editor.has_add_permission(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever edits the route."""
        return self._may_edit(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever edits the route."""
        return self._may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever edits the route."""
        return self._may_edit(request)


class WindowInline(_PartInline):
    """Quiet hours."""

    model = QuietWindow
    form = WindowForm
    formset = WindowFormSet


class StepInline(_PartInline):
    """Whom to tell if nobody reacts."""

    model = EscalationStep
    form = StepForm


@admin.register(Route)
class RouteAdmin(GuardedAdmin):
    """In the order in which they are asked; drag a row to move it."""

    form = RouteForm
    list_display = ("title", "goes_to", "how", "state")
    list_display_links = ("title",)
    ordering = ("is_default", "position", "pk")
    ordering_field = "position"
    hide_ordering_field = True
    inlines = (WindowInline, StepInline)
    actions_list = ("try_it",)
    change_form_before_template = "notifications/route_summary.html"
    empty_hint = gettext_lazy("There is no route yet: everything goes to every enabled channel.")

    class Media:
        js = ("notifications/route.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        """With what their rows show."""
        if not Route.objects.filter(is_default=True).exists():
            Route.default()
        return super().get_queryset(request).prefetch_related("channels", "windows", "steps__channels")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """With a word about channels that no route reaches."""
        lost = AlertChannel.objects.filter(pk__in=unreached_channels()).order_by("name")
        if request.method == "GET" and (names := ", ".join(lost.values_list("name", flat=True))):
            messages.warning(request, _("No route reaches these channels, so nobody is told there: %s.") % names)
        return super().changelist_view(request, extra_context)

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """The problems of all routes: what stands above matters, whatever the page shows."""
        every = Route.objects.prefetch_related("channels", "windows", "steps__channels")
        found = summary.judged(every.order_by("is_default", "position", "pk"))
        for row in rows:
            row.problems = found.get(row.pk, [])

    # --- columns

    @display(description=gettext_lazy("route"))
    def title(self, route: Route) -> SafeString:
        """Its name, and which messages it means."""
        means = _("what no other route took") if route.is_default else route.matchers or _("every message")
        return format_html('<span class="pm-name">{}</span><span class="pm-sub pm-wrap">{}</span>', route.name, means)

    @display(description=gettext_lazy("goes to"))
    def goes_to(self, route: Route) -> Any:
        """Its channels."""
        if route.every_channel:
            return _("every enabled channel")
        channels = sorted(route.channels.all(), key=lambda channel: channel.name)
        return ", ".join(channel.name for channel in channels) or show.DASH

    @display(description=gettext_lazy("how"))
    def how(self, route: Route) -> SafeString:
        """What it does beside telling."""
        marks = []
        if route.grouping != Grouping.EACH:
            marks.append((_("together"), show.CALM))
        if route.repeat_minutes:
            marks.append((_("every %d min") % route.repeat_minutes, show.CALM))
        if route.windows.all():
            marks.append((_("quiet hours"), show.CALM))
        if route.steps.all():
            marks.append((_("escalates"), show.CALM))
        if route.goes_on:
            marks.append((_("goes on"), show.MUTED))
        return show.badges(marks)

    @display(description=gettext_lazy("state"))
    def state(self, route: Any) -> SafeString:
        """Whether it works, and what is odd about it."""
        if not route.enabled:
            return show.badge(_("off"))
        if not route.problems:
            return show.badge(_("works"), show.GOOD)
        return format_html(
            "{}{}",
            show.badge(_("look at this"), show.WARN),
            format_html_join(
                "", '<span class="pm-sub pm-wrap">{}</span>', ((sentence,) for sentence in route.problems)
            ),
        )

    # --- the form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """From which messages to when not."""
        default = bool(obj and obj.is_default)
        which = ["name", "enabled"] if default else ["name", "enabled", "matchers", "goes_on"]
        return [
            (None, {"fields": which}),
            (_("Who is told"), {"fields": ["every_channel", "channels"]}),
            (_("Together, and again"), {
                "fields": ["grouping", "group_by", ("group_wait", "group_interval"), "repeat_minutes"],
            }),
            (_("When it keeps quiet"), {"fields": ["quiet_zone", "quiet_except"]}),
        ]  # fmt: skip

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new route is asked last, before the default one."""
        if not change:
            others = Route.objects.filter(is_default=False)
            obj.position = (others.aggregate(last=Max("position"))["last"] or 0) + 1
        super().save_model(request, obj, form, change)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """With what the route means, kept up with the form."""
        obj = kwargs.get("obj")
        context["summary_url"] = reverse("admin:notifications_route_summary", args=(obj.pk if obj else 0,))
        if obj:
            channels = [as_receiver(channel) for channel in AlertChannel.objects.order_by("pk")]
            rule = summary.rule_of(obj, channels)
            context |= in_words(rule, obj.pk) if rule else {}
        return super().render_change_form(request, context, *args, **kwargs)

    # --- further pages

    def get_urls(self) -> list[URLPattern]:
        """With the summary of a form, and the page to try."""

        def trying(request: HttpRequest) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return try_page(request, self)

        def picking(request: HttpRequest, name: str) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return pick(request, name)

        view = self.admin_site.admin_view
        return [
            path("try/", view(trying), name="notifications_route_try"),
            path("try/pick/<slug:name>/", view(picking), name="notifications_route_pick"),
            path("summary/<int:pk>/", view(self.summary), name="notifications_route_summary"),
            *super().get_urls(),
        ]

    @action(description=gettext_lazy("Try it"), url_path="try-it", icon="experiment")
    def try_it(self, request: HttpRequest) -> HttpResponse:
        """The page that says who would be told."""
        return HttpResponseRedirect(reverse("admin:notifications_route_try"))

    def summary(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What a form, as it is typed, would mean. Saves nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        route = Route.objects.filter(pk=pk).first() or Route()
        form = self.get_form(request, route if pk else None, change=bool(pk))(request.POST, instance=route)
        form.is_valid()
        wrong = [str(error) for name in ("matchers", "group_by") for error in form.errors.get(name, [])]
        if wrong:
            return render(request, "notifications/route_words.html", {"wrong": wrong})
        rule = rule_of_form(form, request, WindowInline, StepInline)
        return render(request, "notifications/route_words.html", in_words(rule, pk))
