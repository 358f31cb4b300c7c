"""What people do about incidents and silences, as far as it concerns who is told: conditional updates, each decided."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from notifications.deciding import Book
from notifications.models import Maintenance, Silence, Watch, WatchState
from notifications.routing.reasons import Reason
from notifications.routing.rules import RouteRule
from notifications.rulebook import facts, maintenances
from portal.lib import audit, clock
from portal.lib.nudge import nudge

HELD: Final = (Reason.SILENCED, Reason.MAINTENANCE)


class NotPossible(Exception):
    """It does not stand where this could be done. The text may be shown."""


def acknowledged(incident: str, by: str) -> int:
    """Somebody looks after it: nothing of it is repeated or escalated any more. Returns in how many routes."""
    moment = clock.now()
    with transaction.atomic():
        found = list(Watch.open_of(incident).filter(acknowledged_at=None).select_for_update())
        for watch in found:
            pending = watch.state == WatchState.TOLD and watch.next_due() is not None
            columns = {"acknowledged_at": moment, "acknowledged_by": by[:150]}
            watch.put(**columns, due_at=watch.due_at if watch.state != WatchState.TOLD else None)
            if pending:
                _note(watch, Reason.ACKNOWLEDGED, moment, by=by)
    return len(found)


def snoozed(incident: str, until: datetime, by: str) -> int:
    """Nothing of it is repeated or escalated until then; then it is said once more, unless somebody acknowledged.
    Returns in how many routes."""
    moment = clock.now()
    with transaction.atomic():
        told = Watch.open_of(incident).filter(state=WatchState.TOLD, acknowledged_at=None)
        found = list(told.select_for_update())
        for watch in found:
            watch.put(snoozed_until=until, repeat_at=until)
            _note(watch, Reason.SNOOZED, moment, until=until, by=by)
    return len(found)


def resolved(incident: str) -> int:
    """It is over, and nobody is to be told so: everything that was to come about it is dropped. Returns in how many
    routes it was open."""
    moment = clock.now()
    with transaction.atomic():
        return Watch.open_of(incident).update(state=WatchState.OVER, ended_at=moment, due_at=None, held_by="")


def _note(watch: Watch, reason: Reason, moment: datetime, *, until: datetime | None = None, by: str = "") -> None:
    book = Book(watch.incident, watch.notification, moment)
    book.note(reason, RouteRule(watch.route_id or 0, watch.route_name), until=until, by=by)
    book.write()


# --- silences and maintenance


def end_silence(silence: Silence, by: str) -> None:
    """From now on it holds nothing back; what it held is looked at at once. Raises NotPossible."""
    moment = clock.now()
    with transaction.atomic():
        begin = min(silence.starts_at, moment)
        mine = Silence.objects.filter(pk=silence.pk, ends_at__gt=moment)
        if not mine.update(ends_at=moment, starts_at=begin, ended_by=by[:150]):
            raise NotPossible(_("This silence is over already."))
        audit.note(silence, {"ends_at": (silence.ends_at, moment), "ended_by": ("", by)})
        look_again()


def look_again() -> None:
    """Rules have changed: what silences or maintenance windows hold is looked at with the next turn."""
    from notifications.tasks import take_turns

    moment = clock.now()
    held = Watch.objects.filter(state=WatchState.WAITING, held_by__in=HELD)
    if held.filter(Q(due_at__gt=moment) | Q(due_at=None)).update(due_at=moment):
        nudge(take_turns)


def maintenance_now(labels: dict[str, str], moment: datetime | None = None) -> tuple[str, datetime] | None:
    """The maintenance window that covers a thing with these labels now: its name and its end. None: there is none."""
    judge = planned(moment or clock.now())
    return judge(labels) if judge else None


def planned(moment: datetime) -> Callable[[Mapping[str, str]], tuple[str, datetime] | None] | None:
    """See ``notifications.planned``."""
    found = maintenances(Maintenance.objects.filter(enabled=True), moment)

    def judge(labels: Mapping[str, str]) -> tuple[str, datetime] | None:
        judged = facts(dict(labels))
        window = max((one for one in found if one.covers(judged)), key=lambda one: one.until, default=None)
        return (window.name, window.until) if window else None

    return judge if found else None
