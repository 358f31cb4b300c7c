"""The page of the stack: the checks, every target, how much each rule fires, and who reviewed it last.

It shows what a look of the last seconds found, or asks once it is open; it refreshes itself. Other apps and modules add
cards by registering for the place ``monitoring.stack``, with the report as the subject.
"""

from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache

from monitoring import coverage, stack
from monitoring.models import Review, ServerCoverage
from monitoring.stack import Report
from monitoring.stack_checks import ALL_DAY
from monitoring.stack_tables import RuleUse, Target
from monitoring.stack_verdicts import State
from portal.lib import sections, show
from portal.lib.access import may
from portal.lib.buttons import list_url
from portal.lib.sections import Section, Table, section

PLACE: Final = "monitoring.stack"
SHOWN: Final = 50  # targets: those that are down come first
REVIEWS: Final = 3
TONES: Final = {State.OK: show.GOOD, State.WARNING: show.WARN, State.FAILED: show.BAD, State.ABSENT: show.MUTED}
WORDS: Final = {
    State.OK: gettext_lazy("ok"),
    State.WARNING: gettext_lazy("warning"),
    State.FAILED: gettext_lazy("failed"),
    State.ABSENT: gettext_lazy("not installed"),
}


@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """The page; it opens at once, whatever the programs do."""
    _demand(request)
    report = stack.kept()
    context = {
        **admin.site.each_context(request),
        "title": _("State of the stack"),
        "cards": sections.render(PLACE, request, report) if report else [],
        "refresh_url": reverse("admin:monitoring_stack_live"),
    }
    return TemplateResponse(request, "monitoring/stack.html", context)


@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The cards alone, of a look that is at most some seconds old."""
    _demand(request)
    return TemplateResponse(
        request, "monitoring/stack_live.html", {"cards": sections.render(PLACE, request, stack.latest())}
    )


def _demand(request: HttpRequest) -> None:
    if not may(request.user, "view", Review):
        raise PermissionDenied


def state_label(state: State) -> SafeString:
    """How a check went, as a label."""
    return show.badge(WORDS[state], TONES[state])


@section(PLACE, order=10)
def checks(request: HttpRequest, report: Report) -> Section:
    """What was checked, and what to do."""
    rows = [
        [state_label(check.state), _named(check.title, check.sentence)]
        for check in sorted(report.checks, key=lambda check: stack.ORDER.index(check.state))
    ]
    note = _("looked at in %(seconds).1f s, %(ago)s") % {
        "seconds": report.seconds, "ago": stack.ago(report),
    }  # fmt: skip
    table = Table([_("State"), _("Check, and what to do")], rows)
    return Section(_("Checks"), context={"table": table}, icon="monitor_heart", note=note, wide=True)


@section(PLACE, order=20)
def targets(request: HttpRequest, report: Report) -> Section | None:
    """Every target, and why it is down."""
    if not report.targets:
        return None
    down = sum(1 for target in report.targets if target.health == "down")
    note = _("%(down)d of %(all)d down") % {"down": down, "all": len(report.targets)}
    rows = [_target(target) for target in report.targets[:SHOWN]]
    if len(report.targets) > SHOWN:
        note += " · " + _("the first %d") % SHOWN
    head = [_("Health"), _("Target, its job, and what to do"), _("node_ samples")]
    return Section(_("Targets"), context={"table": Table(head, rows)}, icon="target", note=note, wide=True)


def _target(target: Target) -> list[Any]:
    tone = {"up": show.GOOD, "down": show.BAD}.get(target.health, show.MUTED)
    words = {"up": _("up"), "down": _("down"), "unknown": _("not scraped yet")}.get(target.health, target.health)
    where: Any = _named(target.instance, target.job)
    if target.error:
        where = format_html("{}{}", where, _named(target.hint, target.error))
    samples = show.DASH if target.samples is None else str(target.samples)
    return [show.badge(words, tone), where, samples]


@section(PLACE, order=30)
def rules(request: HttpRequest, report: Report) -> Section | None:
    """How much each alert rule fires."""
    if not any(rule.loaded for rule in report.rules):
        return None
    never = sum(1 for rule in report.rules if rule.week == 0)
    note = _("%d never fired within 7 days") % never
    head = [_("Alert rule"), _("Now"), _("Last day"), _("Last 7 days")]
    rows = [_rule(rule) for rule in report.rules]
    return Section(
        _("How much the rules fire"), context={"table": Table(head, rows)}, icon="rule", note=note, wide=True
    )


def _rule(rule: RuleUse) -> list[Any]:
    tones = {"firing": show.BAD, "pending": show.WARN, "inactive": show.GOOD}
    words = {"firing": _("firing"), "pending": _("pending"), "inactive": _("quiet")}
    if rule.steady:
        tones["firing"] = show.GOOD
    now = show.badge(words.get(rule.state, rule.state), tones.get(rule.state, show.MUTED)) if rule.state else show.DASH
    if not rule.loaded:
        now = show.badge(_("not loaded"), show.BAD)
    name = show.link(f"/runbooks/{rule.name}/", rule.name) if rule.shipped else rule.name
    if rule.steady:
        name = _named(name, _("Always fires, and tells nobody: it shows that alerts arrive."))
    elif rule.day >= ALL_DAY:
        name = _named(name, _("Fires all day: mend its cause, or change its threshold."))
    return [name, now, *(show.share(part) if part else _("never") for part in (rule.day, rule.week))]


@section(PLACE, order=40)
def blind_spots(request: HttpRequest, report: Report) -> Section | None:
    """How many servers lack which part of monitoring."""
    if not may(request.user, "view", ServerCoverage):
        return None
    found = coverage.recent_counts()
    every = found["servers"]
    rows = [
        [show.link(list_url(ServerCoverage, gap=part), words), str(every - found[part]), show.bar(_part(found, part))]
        for part, words in coverage.PARTS.items()
    ]
    rows.append([
        show.link(list_url(ServerCoverage), _("anything of it")), str(every - found[coverage.ALL]),
        show.bar(_part(found, coverage.ALL)),
    ])  # fmt: skip
    table = Table([_("Missing"), _("Servers"), _("Part that lacks it")], rows if every else [], _("No servers yet."))
    note = ngettext("%d server", "%d servers", every) % every
    return Section(_("Coverage"), context={"table": table}, icon="radar", note=note)


def _part(found: dict[str, int], part: str) -> float:
    return (found["servers"] - found[part]) / found["servers"] if found["servers"] else 0.0


@section("monitoring.review:sign", order=10)
def to_be_reviewed(request: HttpRequest, _subject: Any) -> Section:
    """What the programs say about each line of the checklist."""
    found = {check.name: check for check in stack.latest().checks}
    rows = [
        [state_label(found[name].state), _named(found[name].title, found[name].sentence)]
        for name in ("retention", "rules", "noise", "dashboards")
    ]
    table = Table([_("State"), _("Check, and what to do")], rows)
    return Section(
        _("What to look at"), context={"table": table}, icon="fact_check", url=reverse("admin:monitoring_stack"),
        url_text=_("Every rule and target"), wide=True,
    )  # fmt: skip


@section(PLACE, order=50)
def reviews(request: HttpRequest, report: Report) -> Section:
    """Who reviewed it last."""
    rows = [[show.moment(row.signed_at), row.signer, _sentence(row.note or show.DASH)]
            for row in Review.objects.order_by("-signed_at")[:REVIEWS]]  # fmt: skip
    table = Table([_("Signed"), _("By"), _("Note")], rows, _("Nobody has signed one yet."))
    signs = may(request.user, "add", Review)
    url = reverse("admin:monitoring_review_add") if signs else list_url(Review)
    return Section(
        _("Weekly review"), context={"table": table}, icon="fact_check", url=url,
        url_text=_("Sign a review") if signs else _("All of them"),
    )  # fmt: skip


def _named(title: object, text: object) -> SafeString:
    """Two texts in one cell, so that a phone has room for them; the second below the first where both are there."""
    if not title or not text:
        return _sentence(title or text)
    return format_html('<span class="pm-break">{}</span><span class="pm-sub pm-break">{}</span>', title, text)


def _sentence(text: object) -> SafeString:
    return format_html('<span class="pm-break">{}</span>', text)
