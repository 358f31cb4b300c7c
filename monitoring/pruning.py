"""Forgets trouble that ended long ago, and what was said of it.

An incident is forgotten as a whole, so many days after its end: as long as its page is there, it says everything. One
that goes on names those that were like it, so these are kept until it is over.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from monitoring.models import Alert, AlertStatus, Incident
from notifications import forget
from portal.lib import batches


def prune(moment: datetime) -> int:
    """Forget what is older than it is kept for. Returns how many rows; what is left has its turn later."""
    before = moment - timedelta(days=settings.PORTAL_HISTORY_DAYS)
    return batches.delete(old_incidents(moment)) + forget(before, message_ids())


def message_ids() -> "QuerySet[Incident, str]":
    """The ids of the messages about the incidents that there are, for a query."""
    named = Concat(Value("incident-"), Cast("pk", CharField()), output_field=CharField())
    return Incident.objects.order_by().annotate(said_as=named).values_list("said_as", flat=True)


def old_incidents(moment: datetime) -> "QuerySet[Incident]":
    """Those that ended long before that moment, that no source speaks of any more, and that no open one is like."""
    # A webhook's message may be processed again as long as it is kept, and must find what it made.
    before = moment - timedelta(days=max(settings.PORTAL_HISTORY_DAYS, settings.PORTAL_INBOUND_DAYS))
    lately = Q(status=AlertStatus.FIRING) | Q(last_received_at__gte=before)
    heard = Alert.objects.filter(lately, incident=OuterRef("pk"))
    open_now = Incident.objects.filter(closed_at=None)
    again = open_now.filter(condition=OuterRef("condition"), object_key=OuterRef("object_key"))
    ended = Incident.objects.filter(closed_at__lt=before, tell_at=None)
    return ended.filter(~Exists(heard), ~Exists(again)).exclude(_near(open_now))


def _near(open_now: "QuerySet[Incident]") -> Q:
    """The same trouble in the same cluster as one of these. Few pairs, and asked for first: compared row by row, a year
    of incidents would take minutes."""
    conditions: dict[int, set[str]] = defaultdict(set)
    pairs = open_now.exclude(cluster=None).order_by().values_list("cluster", "condition").distinct()
    for cluster, condition in pairs:
        conditions[cluster].add(condition)
    found = Q(pk__in=[])
    for cluster, names in conditions.items():
        found |= Q(cluster=cluster, condition__in=names)
    return found
