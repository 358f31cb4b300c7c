"""Alertmanager's webhook payload, read. Its form: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config

Nothing in it is trusted to be there. What cannot be understood of one alert leaves the others alone.
"""

import hashlib
from typing import Any, Final

from django.utils.translation import gettext as _

from monitoring.conditions import Finding
from monitoring.inventory_lookup import Lookup, Things
from monitoring.models import Severity
from monitoring.payloads import LONGEST, NotUnderstood, Received, clean, link, moment, texts

VERSION: Final = "4"
# Severities of other people's rules, in ours.
SEVERITIES: Final = {
    "critical": Severity.CRITICAL, "error": Severity.CRITICAL, "page": Severity.CRITICAL,
    "warning": Severity.WARNING, "warn": Severity.WARNING, "info": Severity.INFO, "none": Severity.INFO,
}  # fmt: skip
# Labels that say which thing an alert is about, where it is none of our inventory.
IDENTIFYING: Final = ("instance", "device", "mountpoint", "storage", "job", "name")
LONGEST_KEY, LONGEST_CONDITION = 120, 60


def alerts_of(payload: Any) -> list[Any]:
    """The alerts of a payload, unread. Raises NotUnderstood."""
    if not isinstance(payload, dict) or not isinstance(payload.get("alerts"), list):
        raise NotUnderstood(_("it has no list of alerts"))
    alerts: list[Any] = payload["alerts"]
    return alerts


def remark(payload: dict[str, Any], known: str = VERSION) -> str:
    """What is worth a word about the payload as a whole: another version than the known one, alerts that its sender
    left out. '' where nothing is."""
    version, cut = clean(payload.get("version"), 20), payload.get("truncatedAlerts")
    words = []
    if version != known:
        found = {"version": version or "?", "known": known}
        words.append(_("Its version is %(version)s; it was read as version %(known)s.") % found)
    if isinstance(cut, int) and not isinstance(cut, bool) and 0 < cut < 10**9:
        words.append(_("Its sender left out %(count)d alerts: raise max_alerts there.") % {"count": cut})
    return "\n".join(words)


def read(alert: Any) -> Received:
    """One alert. Raises NotUnderstood."""
    if not isinstance(alert, dict):
        raise NotUnderstood(_("an alert is no object"))
    labels = texts(alert.get("labels"))
    fingerprint, status = clean(alert.get("fingerprint"), 64), alert.get("status")
    starts_at = moment(alert.get("startsAt"))
    if not fingerprint or status not in ("firing", "resolved") or starts_at is None:
        name = labels.get("alertname", "?")[:80]
        raise NotUnderstood(_("%(name)s lacks fingerprint, status or start") % {"name": name})
    return Received(
        fingerprint, status == "firing", starts_at, moment(alert.get("endsAt")), labels,
        texts(alert.get("annotations"), LONGEST["text"]), link(alert.get("generatorURL")),
    )  # fmt: skip


def finding_of(alert: Received, lookup: Lookup) -> Finding:
    """The trouble that an alert speaks of, joined to our inventory where its labels name something in it."""
    labels = alert.labels
    name = labels.get("alertname") or "alert"
    things = lookup.things(labels)
    server, node, cluster = things
    title = alert.annotations.get("summary") or name
    if labels.get("instance") and server is None and labels["instance"] not in title:
        title = f"{title} ({labels['instance']})"
    return Finding(
        condition=(labels.get("condition") or name)[:LONGEST_CONDITION],
        object_key=_short(_object_key(labels, things)),
        severity=SEVERITIES.get(labels.get("severity", "").lower(), Severity.WARNING),
        title=title[:200],
        text=alert.annotations.get("description", ""),
        since=alert.starts_at,
        cluster=cluster,
        node=node,
        server=server,
        labels=labels,
    )


def _object_key(labels: dict[str, str], things: Things) -> str:
    server, node, cluster = things
    if server:
        return f"server:{server.pk}"
    named = "/".join(labels[name] for name in ("storage", "device", "mountpoint") if labels.get(name))
    if node:
        return f"node:{node.pk}/{named}" if named else f"node:{node.pk}"
    if cluster:
        return f"cluster:{cluster.pk}/{named}" if named else f"cluster:{cluster.pk}"
    return "labels:" + "/".join(labels[name] for name in IDENTIFYING if labels.get(name))


def _short(key: str) -> str:
    """A key that the column holds; one that is too long keeps its beginning and its difference from others."""
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[: LONGEST_KEY - 17]}~{hashlib.sha256(key.encode()).hexdigest()[:16]}"
