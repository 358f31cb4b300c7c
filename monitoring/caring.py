"""What people do about an incident: look after it, or hear no more of it for a while. Each is kept as a step, in the
audit trail, and told to the routes in one transaction."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy

from monitoring import telling
from monitoring.incidents import locked
from monitoring.models import Incident, StepKind
from notifications import acknowledged, snoozed
from notifications import untold as untold_messages
from portal.lib import audit, clock

AT_ONCE: Final = 500
MORNING: Final = 8  # o'clock in the reader's zone
TOMORROW: Final = "tomorrow"
# What can be chosen for a snooze: a number of minutes, or until tomorrow morning.
SNOOZES: Final[dict[str, Any]] = {
    "30": gettext_lazy("30 minutes"),
    "60": gettext_lazy("1 hour"),
    "240": gettext_lazy("4 hours"),
    TOMORROW: gettext_lazy("Until tomorrow, 8:00"),
}


def acknowledge(incident: Incident, person: Any) -> bool:
    """That person looks after it. Whether it was them: False where somebody was faster, or it is over."""
    moment = clock.now()
    with transaction.atomic():
        if not _waiting(incident).update(acknowledged_at=moment, acknowledged_by=person, snoozed_until=None):
            return False
        audit.note(incident, {"acknowledged_by": ("", person)})
        incident.steps.create(kind=StepKind.ACKNOWLEDGED, at=moment, by=str(person)[:150])
        acknowledged(incident.message_id, str(person))
    return True


def snooze(incident: Incident, until: datetime, person: Any) -> bool:
    """Nobody is reminded of it until then. False where it is looked after, over, or was told to nobody."""
    with transaction.atomic():
        if not _waiting(incident).exists() or not snoozed(incident.message_id, until, str(person)):
            return False
        _waiting(incident).update(snoozed_until=until)
        audit.note(incident, {"snoozed_until": (incident.snoozed_until or "", until)})
        incident.steps.create(kind=StepKind.SNOOZED, by=str(person)[:150], until=until)
    return True


def untold() -> list[Incident]:
    """The open incidents of which nobody was told and will be told by itself: there was no channel when they began."""
    found = list(Incident.objects.filter(closed_at=None).order_by("-opened_at")[:AT_ONCE])
    mine = untold_messages([incident.message_id for incident in found])
    return [incident for incident in found if incident.message_id in mine]


def tell(incident: Incident, person: Any) -> bool:
    """Tell it after all, by the routes as they are now. False where somebody was told, or it is over."""
    with transaction.atomic():
        mine = locked(incident.pk)
        if not mine.is_open or not untold_messages([mine.message_id]):
            return False
        mine.told += 1
        mine.save(update_fields=["told"])
        audit.note(mine, {"told_by": ("", person)})
        telling.late(mine)
    return True


def end_of(choice: str) -> datetime | None:
    """The end of a snooze that begins now, in the zone of whoever looks; None for a choice that there is not."""
    if choice not in SNOOZES:
        return None
    if choice != TOMORROW:
        return clock.now() + timedelta(minutes=int(choice))
    morning = timezone.localtime(clock.now()).replace(hour=MORNING, minute=0, second=0, microsecond=0, fold=0)
    return morning + timedelta(days=1)


def _waiting(incident: Incident) -> Any:
    return Incident.objects.filter(pk=incident.pk, acknowledged_at=None, closed_at=None).order_by()
