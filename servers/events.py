"""What happened to a server, from three books in one list: what was asked of Proxmox, what the sync saw change, and
what people wrote about it here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from portal.lib import audit
from servers.models import Operation, Server, StateChange

OPERATION: Final = "operation"
CHANGE: Final = "change"
EDIT: Final = "edit"
SORTS: Final = (OPERATION, CHANGE, EDIT)
# The sync sees what an operation did at most that long after its end.
SEEN_WITHIN: Final = timedelta(seconds=60)
MOST: Final = 5000


@dataclass(frozen=True, slots=True)
class Event:
    """One of them. ``what`` is an action, a kind of change or a column; ``row`` is where it comes from, an operation or
    a change, None for an edit. ``actor`` is '' where nobody of ours did it."""

    at: datetime
    sort: str
    actor: str
    what: str
    old: str
    new: str
    row: Operation | StateChange | None = None


def of_server(server: Server, sort: str = "", actor: str = "", limit: int = MOST) -> list[Event]:
    """The newest first, at most so many. ``sort`` is one of :data:`SORTS`, '' for all; ``actor`` a person's name."""
    most = MOST if actor else limit
    operations = list(Operation.objects.filter(server=server).defer("log").order_by("-requested_at")[:most])
    found: list[Event] = []
    if sort in ("", OPERATION):
        found += [_asked(operation) for operation in operations]
    if sort in ("", CHANGE):
        changes = StateChange.objects.filter(server=server).select_related("cluster", "server", "node", "storage")
        found += [_seen(change, operations) for change in changes[:most]]
    if sort in ("", EDIT):
        found += _edits(server, most)
    if actor:
        found = [event for event in found if event.actor == actor]
    return sorted(found, key=lambda event: event.at, reverse=True)[:limit]


def _asked(operation: Operation) -> Event:
    words = {name: value for name, value in operation.parameters.items() if name != "confirm"}
    asked = ", ".join(f"{name}: {_text(value)}" for name, value in words.items() if not isinstance(value, dict))
    state = operation.get_state_display()
    message = operation.message if operation.message not in ("", "OK") else ""
    new = "; ".join(part for part in (asked, str(state), message[:300]) if part)
    return Event(operation.requested_at, OPERATION, operation.requester, operation.action, "", new, operation)


def _seen(change: StateChange, operations: Iterable[Operation]) -> Event:
    """With the person whose operation it came from, if one was under way or just over."""

    def covers(operation: Operation) -> bool:
        end = operation.finished_at
        return operation.requested_at <= change.at and (end is None or change.at <= end + SEEN_WITHIN)

    by = next((operation for operation in operations if covers(operation)), None)
    what = change.field or change.kind
    return Event(change.at, CHANGE, by.requester if by else "", what, change.old, change.new, change)


def _edits(server: Server, limit: int) -> list[Event]:
    """What was written here; that an operation was asked for stands there already as the operation."""
    return [
        Event(at, EDIT, who, column, _text(old), _text(new))
        for at, who, changes in audit.entries(server, limit)
        for column, (old, new) in changes.items()
        if column != "operation"
    ]


def _text(value: Any) -> str:
    return "" if value in (None, "None") else " ".join(map(str, value)) if isinstance(value, list) else str(value)
