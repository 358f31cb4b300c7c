"""What happened in which order: what sources said, what people did, who was told, what was done to the thing."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.models import Alert, AlertStatus, Incident, IncidentStep, Severity, Source, StepKind
from monitoring.story import changes
from monitoring.story.entries import Entry
from monitoring.story.scope import Scope
from notifications import told
from portal.lib import clock, show

# A source that says it once more within this time says nothing new.
AGAIN: Final = timedelta(minutes=2)
MOST_ALERTS: Final = 1000
ICONS: Final[dict[str, tuple[str, str]]] = {
    StepKind.REOPENED: ("replay", show.BAD),
    StepKind.WORSE: ("trending_up", show.BAD),
    StepKind.ACKNOWLEDGED: ("front_hand", show.CALM),
    StepKind.SNOOZED: ("snooze", show.CALM),
    StepKind.CLOSED: ("check_circle", show.GOOD),
}


def of(incident: Incident, user: Any, scope: Scope) -> list[Entry]:
    """Everything, in order. A fixed number of queries."""
    alerts = list(incident.alerts.order_by("starts_at", "pk")[:MOST_ALERTS])
    steps = list(incident.steps.all())
    found = [
        Entry(incident.opened_at, "crisis_alert", _("It began"), incident.text, tone=show.BAD),
        *(entry for alert in alerts for entry in _alert(alert)),
        *(_step(step) for step in steps),
        *_before_steps(incident, {step.kind for step in steps}),
        *_messages(incident),
        *changes.work(scope, user, incident.opened_at, incident.closed_at or clock.now()),
    ]
    return sorted(found, key=lambda entry: entry.at)


def _alert(alert: Alert) -> Iterator[Entry]:
    who = source_name(alert.source)
    title: Any = alert.title
    if alert.link.startswith(("http://", "https://")):
        title = format_html('{} <a class="pm-link" href="{}" rel="noopener" target="_blank">↗</a>', title, alert.link)
    yield Entry(alert.starts_at, "notifications_active", title, _("a source says so"), who, show.WARN)
    over = alert.ends_at
    if alert.last_received_at > alert.starts_at + AGAIN and (over is None or alert.last_received_at < over):
        yield Entry(alert.last_received_at, "repeat", alert.title, _("said again, the last time"), who)
    if alert.status == AlertStatus.RESOLVED and over and not alert.set_aside:
        yield Entry(over, "notifications_off", alert.title, _("the source says that it is over"), who, show.GOOD)


def source_name(source: str) -> str:
    """What a source is called."""
    names: dict[str, str] = {"portal": _("the portal"), **{str(value): str(name) for value, name in Source.choices}}
    return names.get(source, source)


def _step(step: IncidentStep) -> Entry:
    icon, tone = ICONS.get(step.kind, ("circle", show.MUTED))
    detail: Any = step.text
    if step.kind == StepKind.SNOOZED:
        detail = SafeString(_("until %s") % show.exact(step.until))
    elif step.kind == StepKind.REOPENED:
        detail = _("soon after its end: it flaps, or a source had not seen the end")
    elif step.kind == StepKind.WORSE:
        detail = dict(Severity.choices).get(step.text, step.text)
    return Entry(step.at, icon, step.get_kind_display(), detail, step.by, tone)


def _before_steps(incident: Incident, kept: set[str]) -> Iterator[Entry]:
    """What is known of one from before steps were kept."""
    if incident.acknowledged_at and StepKind.ACKNOWLEDGED not in kept:
        by = str(incident.acknowledged_by or "")
        yield Entry(incident.acknowledged_at, "front_hand", _("acknowledged"), "", by, show.CALM)
    if incident.flaps and StepKind.REOPENED not in kept and incident.reopened_at:
        times = ngettext("%(count)d time", "%(count)d times", incident.flaps) % {"count": incident.flaps}
        yield Entry(incident.reopened_at, "replay", _("came back"), times, tone=show.BAD)
    if incident.closed_at and StepKind.CLOSED not in kept:
        yield Entry(incident.closed_at, "check_circle", _("over"), incident.ending, tone=show.GOOD)


def _messages(incident: Incident) -> Iterator[Entry]:
    for line in told(incident.message_id):
        title = format_html("{} {}", _("Message to %s") % line.channel, line.title)
        detail = format_html("{} {}", show.badge(line.state, line.tone), line.remark)
        yield Entry(line.at, "send", title, detail, tone=line.tone)
