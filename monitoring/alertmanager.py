"""Alertmanager's webhook payload, read. Its form: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config

Nothing in it is trusted to be there. What cannot be understood of one alert leaves the others alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from monitoring.conditions import Finding
from monitoring.models import Severity
from servers.models import Cluster, Node, Server

SOURCE: Final = "alertmanager"
LONGEST: Final = {"name": 200, "value": 1000, "text": 5000}
# Severities of other people's rules, in ours.
SEVERITIES: Final = {
    "critical": Severity.CRITICAL, "error": Severity.CRITICAL, "page": Severity.CRITICAL,
    "warning": Severity.WARNING, "warn": Severity.WARNING, "info": Severity.INFO, "none": Severity.INFO,
}  # fmt: skip
FRACTION: Final = re.compile(r"(\.\d{6})\d+")
# Labels that say which thing an alert is about, where it is none of our inventory.
IDENTIFYING: Final = ("instance", "device", "mountpoint", "storage", "job", "name")


class NotUnderstood(Exception):
    """One alert, or the whole payload, is not what Alertmanager sends. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Received:
    """One alert of a payload."""

    fingerprint: str
    firing: bool
    starts_at: datetime
    ends_at: datetime | None
    labels: dict[str, str]
    annotations: dict[str, str]
    link: str


def alerts_of(payload: Any) -> list[Any]:
    """The alerts of a payload, unread. Raises NotUnderstood."""
    if not isinstance(payload, dict) or not isinstance(payload.get("alerts"), list):
        raise NotUnderstood(_("it has no list of alerts"))
    alerts: list[Any] = payload["alerts"]
    return alerts


def read(alert: Any) -> Received:
    """One alert. Raises NotUnderstood."""
    if not isinstance(alert, dict):
        raise NotUnderstood(_("an alert is no object"))
    labels = _texts(alert.get("labels"))
    fingerprint = str(alert.get("fingerprint") or "")[:64]
    status = alert.get("status")
    starts_at = moment(alert.get("startsAt"))
    if not fingerprint or status not in ("firing", "resolved") or starts_at is None:
        raise NotUnderstood(_("%(name)s lacks fingerprint, status or start") % {"name": labels.get("alertname", "?")})
    return Received(
        fingerprint, status == "firing", starts_at, moment(alert.get("endsAt")), labels,
        _texts(alert.get("annotations"), LONGEST["text"]), str(alert.get("generatorURL") or "")[:2000],
    )  # fmt: skip


def moment(text: Any) -> datetime | None:
    """A time as Go writes it; None for none and for year 1, which means "not yet". Fractions may have nine digits."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(FRACTION.sub(r"\1", text))
    except ValueError:
        return None
    if found.year < 1970 or found.year > 9990:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def finding_of(alert: Received) -> Finding:
    """The trouble that an alert speaks of, joined to our inventory where its labels name something in it."""
    labels = alert.labels
    name = labels.get("alertname", "alert")
    server, node, cluster = _things(labels)
    title = alert.annotations.get("summary") or name
    if "instance" in labels and server is None and labels["instance"] not in title:
        title = f"{title} ({labels['instance']})"
    return Finding(
        condition=labels.get("condition") or name,
        object_key=_object_key(labels, server, node, cluster)[:120],
        severity=SEVERITIES.get(labels.get("severity", "").lower(), Severity.WARNING),
        title=title[:200],
        text=alert.annotations.get("description", ""),
        since=alert.starts_at,
        cluster=cluster,
        node=node,
        server=server,
        labels=labels,
    )


def _things(labels: dict[str, str]) -> tuple[Server | None, Node | None, Cluster | None]:
    cluster = Cluster.objects.filter(name=labels["cluster"]).first() if labels.get("cluster") else None
    if cluster is None:
        return None, None, None
    node = Node.objects.filter(cluster=cluster, name=labels.get("node", ""), retired_at=None).first()
    vmid = labels.get("vmid", "")
    living = Server.objects.filter(cluster=cluster, retired_at=None)
    server = living.filter(vmid=int(vmid)).first() if vmid.isdecimal() and len(vmid) < 10 else None
    return server, node, cluster


def _object_key(labels: dict[str, str], server: Server | None, node: Node | None, cluster: Cluster | None) -> str:
    if server:
        return f"server:{server.pk}"
    named = "/".join(labels[name] for name in ("storage", "device", "mountpoint") if labels.get(name))
    if node:
        return f"node:{node.pk}/{named}" if named else f"node:{node.pk}"
    if cluster:
        return f"cluster:{cluster.pk}/{named}" if named else f"cluster:{cluster.pk}"
    return "labels:" + "/".join(labels[name] for name in IDENTIFYING if labels.get(name))


def _texts(value: Any, longest: int = LONGEST["value"]) -> dict[str, str]:
    return dict(_pairs(value, longest)) if isinstance(value, dict) else {}


def _pairs(value: dict[Any, Any], longest: int) -> Iterator[tuple[str, str]]:
    for name, text in list(value.items())[:64]:
        clean = "".join(sign for sign in str(text) if sign.isprintable() or sign in "\n\t")
        yield str(name)[: LONGEST["name"]], clean[:longest]
