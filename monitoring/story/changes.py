"""What changed around an incident's beginning: what people asked for, what the sync saw, what people edited.

Of each kind the latest before the beginning, so that a busy cluster fills no page.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from auditlog.models import LogEntry
from django.db.models import Q
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from monitoring.models import Incident
from monitoring.story.entries import Entry
from monitoring.story.scope import Scope
from portal.lib import audit, show
from portal.lib.access import may
from portal.lib.buttons import object_url
from servers.models import BackupRun, Operation, OperationState, Outcome, StateChange, Storage

BEFORE: Final = timedelta(minutes=30)
MOST: Final = 40  # of each kind
LENGTH: Final = 120
BAD_ENDS: Final = frozenset({OperationState.FAILED, OperationState.LOST})


def before(incident: Incident, user: Any, scope: Scope) -> list[Entry]:
    """Everything that changed in the half hour before it began, as far as that person may see it, in order."""
    start, end = incident.opened_at - BEFORE, incident.opened_at
    found = [*work(scope, user, start, end), *_changes(scope, user, start, end), *_edits(scope, user, start, end)]
    return sorted(found, key=lambda entry: entry.at)


def work(scope: Scope, user: Any, start: datetime, end: datetime) -> Iterator[Entry]:
    """Operations and backup runs that began or ended within that time, or went on throughout."""
    if may(user, "view", Operation):
        within = Q(finished_at=None) | Q(finished_at__gte=start)
        rows = Operation.objects.filter(scope.of_work(), within, requested_at__lte=end)
        for row in rows.select_related("server", "cluster").order_by("-requested_at")[:MOST]:
            yield from _operation(row, start, end)
    if may(user, "view", BackupRun):
        within = Q(ended_at=None) | Q(ended_at__gte=start)
        runs = BackupRun.objects.filter(scope.of_work(), within, started_at__lte=end).select_related("server")
        for run in runs.order_by("-started_at")[:MOST]:
            yield from _run(run, start, end)


def _operation(row: Operation, start: datetime, end: datetime) -> Iterator[Entry]:
    title = show.link(object_url(row), f"{row.get_action_display()}: {row.subject}")
    yield Entry(row.requested_at, "bolt", title, _("asked for"), row.requester, show.CALM)
    if row.finished_at and start <= row.finished_at <= end:
        tone = show.BAD if row.state in BAD_ENDS else show.GOOD
        words = " · ".join(text for text in (row.get_state_display(), short(row.message)) if text)
        yield Entry(row.finished_at, "bolt", title, words, row.requester, tone)


def _run(run: BackupRun, start: datetime, end: datetime) -> Iterator[Entry]:
    what = run.server or run.vmid or _("several servers")
    title = show.link(object_url(run), _("Backup of %s") % what)
    yield Entry(run.started_at, "backup", title, _("began"), run.user, show.CALM)
    if run.ended_at and start <= run.ended_at <= end:
        tone = show.BAD if run.outcome == Outcome.FAILURE else show.GOOD
        words = f"{run.get_outcome_display()} · {short(run.message)}"
        yield Entry(run.ended_at, "backup", title, words, run.user, tone)


def _changes(scope: Scope, user: Any, start: datetime, end: datetime) -> Iterator[Entry]:
    if not may(user, "view", StateChange):
        return
    rows = StateChange.objects.filter(scope.of_changes(), at__gte=start, at__lte=end)
    named = rows.select_related("server", "node", "storage__node", "cluster")
    for row in named.order_by("-at", "-pk")[:MOST]:
        title = format_html("{} · {}", show.link(object_url(row.subject), row.subject), row.get_kind_display())
        yield Entry(row.at, "sync", title, _from_to(row.column, row.before, row.after))


def _edits(scope: Scope, user: Any, start: datetime, end: datetime) -> Iterator[Entry]:
    """What people changed on these things. Their pages show the same to whoever may open them."""
    visible = [thing for thing in (scope.cluster, scope.node, scope.server, Storage) if thing is not None]
    if not all(may(user, "view", thing) for thing in visible):
        return
    # What is new and nobody's doing is the sync's: that it appeared is a change already.
    by_people = ~Q(action=LogEntry.Action.CREATE, actor=None)
    rows = LogEntry.objects.filter(scope.of_edits(), by_people, timestamp__gte=start, timestamp__lte=end)
    for row in rows.select_related("actor", "content_type").order_by("-timestamp")[:MOST]:
        title = _("%(thing)s · edited in the portal") % {"thing": row.object_repr}
        words = "; ".join(_edit(row, str(name), values) for name, values in (row.changes_dict or {}).items())
        if row.action == LogEntry.Action.CREATE:
            title, words = _("%(thing)s · added in the portal") % {"thing": row.object_repr}, ""
        yield Entry(row.timestamp, "edit", title, words, str(row.actor or ""), show.CALM)


def _edit(row: LogEntry, name: str, values: Any) -> str:
    model = row.content_type.model_class()
    old, new = (audit.value(model, name, text) for text in _pair(values))
    return _from_to(audit.column(model, name), old, new)


def _pair(values: Any) -> tuple[str, str]:
    if isinstance(values, list) and len(values) == 2:
        return str(values[0]), str(values[1])
    return "", str(values)


def _from_to(name: str, old: str, new: str) -> str:
    gone = {"", "None"}
    pair = f"{show.DASH if old in gone else short(old)} → {show.DASH if new in gone else short(new)}"
    if old in gone and new in gone:
        return name
    return f"{name}: {pair}" if name else pair


def short(text: str) -> str:
    """A text that fits into a line or two."""
    return Truncator(text).chars(LENGTH)
