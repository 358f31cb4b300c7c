"""The page of the stack: the checks, every target, how much each rule fires, and who reviewed it last.

It shows what a look of the last seconds found, or asks once it is open; it refreshes itself. Other apps and modules add
cards by registering for the place ``monitoring.stack``, with the report as the subject.
"""

from typing import Any, Final

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
        **_site(request),
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


def _site(request: HttpRequest) -> dict[str, Any]:
    from django.contrib import admin

    return {**admin.site.each_context(request), "opts": Review._meta}


def state_label(state: State) -> SafeString:
    """How a check went, as a label."""
    return show.badge(WORDS[state], TONES[state])


@section(PLACE, order=10)
def checks(request: HttpRequest, report: Report) -> Section:
    """What was checked, and what to do."""
    rows = [
        [state_label(check.state), check.title, _sentence(check.sentence)]
        for check in sorted(report.checks, key=lambda check: stack.ORDER.index(check.state))
    ]
    note = _("looked at in %(seconds).1f s, %(ago)s") % {
        "seconds": report.seconds, "ago": stack.ago(report),
    }  # fmt: skip
    table = Table([_("State"), _("Check"), _("What it says")], rows)
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
    head = [_("Health"), _("Job"), _("Instance"), _("Samples"), _("Why, and what to do")]
    return Section(_("Targets"), context={"table": Table(head, rows)}, icon="target", note=note, wide=True)


def _target(target: Target) -> list[Any]:
    tone = {"up": show.GOOD, "down": show.BAD}.get(target.health, show.MUTED)
    words = {"up": _("up"), "down": _("down"), "unknown": _("not scraped yet")}.get(target.health, target.health)
    why: Any = _sentence(target.error) if target.error else show.DASH
    if target.hint:
        why = format_html('{}<span class="pm-sub">{}</span>', target.hint, target.error)
    samples = show.DASH if target.samples is None else str(target.samples)
    return [show.badge(words, tone), target.job, _sentence(target.instance), samples, why]


@section(PLACE, order=30)
def rules(request: HttpRequest, report: Report) -> Section | None:
    """How much each alert rule fires."""
    if not any(rule.loaded for rule in report.rules):
        return None
    never = sum(1 for rule in report.rules if rule.week == 0)
    note = _("%d never fired within 7 days") % never
    head = [_("Alert rule"), _("Now"), _("Last day"), _("Last 7 days"), _("For the review")]
    rows = [_rule(rule) for rule in report.rules]
    return Section(
        _("How much the rules fire"), context={"table": Table(head, rows)}, icon="rule", note=note, wide=True
    )


def _rule(rule: RuleUse) -> list[Any]:
    tones = {"firing": show.BAD, "pending": show.WARN, "inactive": show.GOOD}
    words = {"firing": _("firing"), "pending": _("pending"), "inactive": _("quiet")}
    now = show.badge(words.get(rule.state, rule.state), tones.get(rule.state, show.MUTED)) if rule.state else show.DASH
    if not rule.loaded:
        now = show.badge(_("not loaded"), show.BAD)
    if rule.day >= ALL_DAY:
        hint = _("Fires all day: mend its cause, or change its threshold.")
    elif rule.week == 0:
        hint = _("Never fired: is that because all is well?")
    else:
        hint = ""
    link = show.link(f"/runbooks/{rule.name}/", rule.name) if rule.shipped else rule.name
    return [link, now, show.share(rule.day), show.share(rule.week), hint or show.DASH]


@section(PLACE, order=40)
def blind_spots(request: HttpRequest, report: Report) -> Section | None:
    """How many servers lack which part of monitoring."""
    if not may(request.user, "view", ServerCoverage):
        return None
    found = coverage.counts()
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


def _sentence(text: object) -> SafeString:
    return format_html('<span class="pm-break">{}</span>', text)
