"""What was like an incident: the same trouble of the same thing, then the same trouble elsewhere in its cluster."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from monitoring.models import Incident

MOST: Final = 5
LOOK_BACK: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Similar:
    """``same``: of the same thing, ``near``: of others in the cluster, the newest first. ``often``: how many of the
    same thing began in the 30 days before it."""

    same: list[Incident]
    near: list[Incident]
    often: int


def before(incident: Incident) -> Similar:
    """Those that began before it. Three queries."""
    earlier = Incident.objects.filter(condition=incident.condition, opened_at__lt=incident.opened_at)
    earlier = earlier.exclude(pk=incident.pk).select_related("acknowledged_by", "server", "node", "cluster")
    same = earlier.filter(object_key=incident.object_key)
    near = earlier.filter(cluster=incident.cluster).exclude(object_key=incident.object_key)
    often = same.filter(opened_at__gte=incident.opened_at - LOOK_BACK).count()
    return Similar(list(same[:MOST]), list(near[:MOST]) if incident.cluster_id else [], often)
