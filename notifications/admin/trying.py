"""The page that says who would be told of something, when, and why not. It sends nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminAutocompleteWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
)

from notifications import explaining, picking, reaching, rulebook
from notifications.admin.shown import severity_badge
from notifications.links import matchers_of
from notifications.models import Notification
from notifications.routing.matchers import BadMatcher
from notifications.routing.plan import Lane, Plan, Target
from notifications.routing.reasons import Reason
from notifications.ruleforms import SEVERITIES
from portal.lib import clock, show

RECENT: Final = 40


class TryForm(forms.Form):
    """Labels, and a time."""

    class Media:
        js = ("notifications/try.js",)

    message = forms.ChoiceField(
        label=gettext_lazy("A message that there was"), required=False, widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("Its labels are used instead of those below."),
    )  # fmt: skip
    labels = forms.CharField(
        label=gettext_lazy("Labels"), required=False, max_length=4000,
        help_text=gettext_lazy('For example: cluster="prod", name="web-1", owner="shop", tags="web,prod"'),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
    )  # fmt: skip
    severity = forms.ChoiceField(
        label=gettext_lazy("Severity"), choices=SEVERITIES, required=False, widget=UnfoldAdminSelectWidget()
    )
    at = forms.SplitDateTimeField(
        label=gettext_lazy("When"), required=False, help_text=gettext_lazy("Empty: now."),
        widget=UnfoldAdminSplitDateTimeWidget(),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Notification.objects.filter(status="firing").order_by("-pk")[:RECENT]
        choices = [(str(row.pk), f"{row.title} ({row.severity})") for row in rows]
        field: Any = self.fields["message"]
        field.choices = [("", _("none: the labels below")), *choices]

    def clean_labels(self) -> dict[str, str]:
        """Labels are written as matchers that say “is”."""
        try:
            return picking.labels_in(str(self.cleaned_data["labels"]))
        except BadMatcher as error:
            raise ValidationError(str(error)) from None
        except picking.NotLabels:
            raise ValidationError(_('A label has one value: write name="value".')) from None


@dataclass(frozen=True, slots=True)
class Row:
    """One route, or one of its channels, in the answer."""

    route: str
    channel: str
    badge: SafeString
    sentence: str
    when: str = ""


def try_page(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """The form, and the answer below it. Everything is in the address, so that an answer can be shown to others."""
    initial = {"severity": "critical", "labels": request.GET.get("labels", "")}
    asked = "severity" in request.GET
    form = TryForm(request.GET) if asked else TryForm(initial=initial)
    answer = _answer(form) if asked and form.is_valid() else None
    if not asked and initial["labels"]:
        first = TryForm({**initial})
        answer = _answer(first) if first.is_valid() else None
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": _("Try it: who would be told?"),
        "form": form,
        "answer": answer,
        "rows": _rows(answer) if answer else [],
        "headline": _headline(answer) if answer else "",
        "facts": _facts(answer) if answer else [],
        "pickers": _pickers(request),
        "media": model_admin.media + form.media + UnfoldAdminAutocompleteWidget().media,
    }
    return TemplateResponse(request, "notifications/try.html", context)


def _pickers(request: HttpRequest) -> list[dict[str, Any]]:
    """The boxes to choose from. They have no name: what is sent is what they fill in."""
    found = []
    for picker in picking.offered(request.user):
        url = reverse("admin:notifications_route_pick", args=(picker.name,))
        widget = UnfoldAdminAutocompleteWidget(
            attrs={"id": f"id_pick_{picker.name}", "data-ajax--url": url, "data-pick": url}
        )
        widget.attrs["data-placeholder"] = _("choose …")
        found.append({"id": f"id_pick_{picker.name}", "title": picker.title, "widget": widget.render(None, "")})
    return found


def pick(request: HttpRequest, name: str) -> HttpResponse:
    """What a box offers for a term, or, with a ``key``, the labels that choosing it leads to. Raises Http404."""
    picker = next((one for one in picking.offered(request.user) if one.name == name), None)
    if picker is None:
        raise Http404
    key = request.GET.get("key", "")
    if key:
        return JsonResponse({"labels": picking.filled(picker, key, request.GET.get("labels", ""))})
    return JsonResponse(picking.results(picker, request.GET.get("term", "")))


def _answer(form: TryForm) -> Plan:
    cleaned = form.cleaned_data
    moment: datetime = cleaned.get("at") or clock.now()
    chosen = Notification.objects.filter(pk=cleaned["message"]).first() if cleaned.get("message") else None
    if chosen is not None:
        message = chosen.message
        return reaching.explain(rulebook.facts_of(message), message.severity, moment)
    labels = cleaned["labels"]
    severity = labels.get("severity") or cleaned.get("severity") or "critical"
    severity = severity if severity in {str(name) for name, _label in SEVERITIES} else "critical"
    return reaching.explain(rulebook.facts({**labels, "severity": severity}), severity, moment)


def _facts(answer: Plan) -> list[tuple[str, Any]]:
    return [
        (_("Labels"), matchers_of(answer.facts.labels)),
        (_("Severity"), severity_badge(answer.severity)),
        (_("At"), explaining.clock_time(answer.moment)),
    ]


def _headline(answer: Plan) -> str:
    now: list[str] = []
    later: list[str] = []
    for lane in answer.matched:
        for target in lane.targets:
            if target.reason is None:
                (later if lane.held_until else now).append(target.channel.name)
    if not answer.matched:
        return _("Nobody would be told: no route takes it.")
    if not now and not later:
        return _("Nobody would be told.")
    if not now:
        return _("Nobody would be told at that time; later, if it still matters: %s.") % ", ".join(later)
    told = _("Would be told: %s.") % ", ".join(dict.fromkeys(now))
    afterwards = _("Later: %s.") % ", ".join(dict.fromkeys(later))
    return f"{told} {afterwards}" if later else told


def _rows(answer: Plan) -> list[Row]:
    found: list[Row] = []
    for lane in answer.lanes:
        found += _of_lane(lane) if lane.matched else [_passed(lane)]
    if not answer.matched:
        words = _("No route matched, and the default route is switched off: nobody is told.")
        found.append(Row("", "", explaining.badge(Reason.NO_ROUTE), words))
    return found


def _passed(lane: Lane) -> Row:
    if lane.failed is not None:
        words = _("This does not hold: %s") % lane.failed
        return Row(lane.route.name, "", explaining.badge(Reason.NOT_MATCHED), words)
    words = explaining.stopped(lane.stopped_by, rest=lane.route.is_default)
    return Row(lane.route.name, "", explaining.badge(Reason.STOPPED), words)


def _of_lane(lane: Lane) -> list[Row]:
    name = lane.route.name
    rows = [_of_target(lane, target) for target in lane.targets]
    if not rows:
        words = _("The route names no channel that is there and enabled.")
        rows = [Row(name, "", explaining.badge(Reason.NO_CHANNEL), words)]
    for step in lane.route.steps:
        words = _("If nobody has acknowledged it %s after it was told.") % clock.span(step.after)
        label = explaining.badge(Reason.ESCALATED)
        rows += [Row(name, channel.name, label, words) for channel in step.channels]
    return rows


def _of_target(lane: Lane, target: Target) -> Row:
    name, channel = lane.route.name, target.channel.name
    if target.reason is not None:
        return Row(name, channel, explaining.badge(target.reason), _against(target))
    if lane.mute:
        words = _("“%s” keeps it back; it is told afterwards, if it still goes on.") % lane.mute.name
        return Row(name, channel, explaining.badge(lane.mute.kind), words, explaining.clock_time(lane.held_until))
    if lane.quiet_until:
        words = _("The route keeps quiet; it is told afterwards in one message with the rest.")
        return Row(name, channel, explaining.badge(Reason.QUIET), words, explaining.clock_time(lane.quiet_until))
    if lane.bundle is not None:
        words = _("Together with others of its group, at the latest after %s.") % clock.span(
            max(lane.route.wait, lane.route.interval)
        )
        return Row(name, channel, show.badge(_("told"), show.GOOD), words, _("in %s") % clock.span(lane.route.wait))
    return Row(name, channel, show.badge(_("told"), show.GOOD), _("All conditions hold."), _("at once"))


def _against(target: Target) -> str:
    if target.reason == Reason.SEVERITY:
        return _("The channel takes only what is “%s” or worse.") % target.channel.minimum
    if target.reason == Reason.DISABLED:
        return _("The channel is disabled.")
    return _("The route “%s” tells this channel already.") % target.by
