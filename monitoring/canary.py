"""The canary: an alert that always fires travels Prometheus, Alertmanager, our webhook, a worker and a channel that
tells nobody. While it arrives, real alerts would, too.

Its stages are times of rows: ``intake`` when the webhook took the last one, ``delivery`` when the last one reached the
channel. What does not come from Alertmanager the portal tells itself (``monitoring/watching/canary.py``); what comes
and is not delivered a rule tells past the portal (``CanaryStale``).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Max
from django.utils.translation import gettext as _
from prometheus_client.core import GaugeMetricFamily, Metric

from monitoring.models import AlertThreshold, Inbound
from monitoring.thresholds import DEFAULTS
from notifications import canary_delivered_at, send_canary
from portal.lib import clock

RULE: Final = "Watchdog"
STALE_RULE: Final = "CanaryStale"
CONDITION: Final = "canary"
# By this label the portal knows alerts again that it handed on to an Alertmanager itself.
OURS: Final = ("sent_by", "proxmox-manager")
KEPT: Final = 5
# Whoever has not heard of it for so long does without: its rule was taken out, or the whole stack was.
FORGOTTEN_AFTER: Final = timedelta(days=7)


def is_only_canary(payload: Any) -> bool:
    """Whether a payload of Alertmanager's form holds nothing but the canary, alive."""
    alerts = payload.get("alerts") if isinstance(payload, dict) else None
    if not isinstance(alerts, list) or not alerts or not all(map(_is_canary, alerts)):
        return False
    return any(alert.get("status") == "firing" for alert in alerts)


def _is_canary(alert: Any) -> bool:
    labels = alert.get("labels") if isinstance(alert, dict) else None
    return isinstance(labels, dict) and is_canary(labels)


def is_canary(labels: dict[str, Any]) -> bool:
    """Whether these are its labels."""
    return labels.get("condition") == CONDITION


def is_our_own(labels: dict[str, Any]) -> bool:
    """Whether these are the labels of an alert that the portal handed on itself."""
    return labels.get(OURS[0]) == OURS[1]


def take(row: Inbound) -> None:
    """One has arrived and is read: send it on, unless a later one is there, and keep the last few."""
    rows = Inbound.objects.filter(canary=True).order_by("-pk")
    older = rows.filter(pk__lt=row.pk).exclude(processed_at=None)
    Inbound.objects.filter(pk__in=list(older.values_list("pk", flat=True)[KEPT - 1 :])).delete()
    if not rows.filter(pk__gt=row.pk).exists():
        send_canary(clock.now())


def stages() -> dict[str, datetime]:
    """When it was last seen, by stage; empty where it never was."""
    heard: datetime | None = Inbound.objects.filter(canary=True).aggregate(last=Max("received_at"))["last"]
    if heard is None:
        return {}
    # Heard and never sent on: no worker has read it since the first one came.
    first = Inbound.objects.filter(canary=True).order_by("pk").values_list("received_at", flat=True)[0]
    return {"intake": heard, "delivery": canary_delivered_at() or first}


def limit() -> timedelta:
    """From which age on it is stale: the number that its rule compares with."""
    found = AlertThreshold.objects.filter(alert=STALE_RULE).values_list("value", flat=True).first()
    return timedelta(seconds=DEFAULTS[STALE_RULE].value if found is None else found)


def families() -> Iterator[Metric]:
    """When it was last seen, by stage. Absent where it never was."""
    family = GaugeMetricFamily(
        "portal_canary_timestamp_seconds", "When the canary was last seen at this stage.", labels=["stage"]
    )
    for stage, moment in sorted(stages().items()):
        family.add_metric([stage], moment.timestamp())
    yield family


def sentence(moment: datetime) -> tuple[bool | None, str]:
    """Whether it is well, and how old it is in words; None where it was never heard."""
    seen = stages()
    if not seen:
        return None, _("It was never heard: load the rule Watchdog in Prometheus, and give Alertmanager the portal's "
                       "webhook with its token.")  # fmt: skip
    ages = {stage: clock.ago(at, reference=moment) for stage, at in seen.items()}
    if moment - seen["intake"] > limit():
        words = _("Alertmanager last sent it %(intake)s: look at Prometheus, Alertmanager and its token for here.")
        return False, words % ages
    if moment - seen["delivery"] > limit():
        words = _("It came %(intake)s, and was last delivered %(delivery)s: look at the workers and the queue.")
        return False, words % ages
    return True, _("It came %(intake)s, and was delivered %(delivery)s.") % ages
