"""What Proxmox VE's notifications say. The form of the body is ours: :data:`BODY`, given to Proxmox when the portal
registers as a webhook target.

Facts from https://pve.proxmox.com/wiki/Notifications: bodies are Handlebars templates with ``title``, ``message``,
``severity`` (info, notice, warning, error, unknown), ``timestamp`` (seconds) and ``fields``; ``json`` writes any of
them as JSON, and unlike ``escape`` it does not fail where a field is missing. ``fields.type`` is vzdump, fencing,
replication, package-updates or system-mail, and missing in a test; ``hostname`` is the node, ``job-id`` the job.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from monitoring.payloads import LONGEST, NotUnderstood, clean, epoch

VERSION: Final = 1
BODY: Final = (
    '{"version": 1, "severity": {{ json severity }}, "title": {{ json title }}, "message": {{ json message }}, '
    '"timestamp": {{ timestamp }}, "fields": {{ json fields }}}'
)
VZDUMP, FENCING, REPLICATION = "vzdump", "fencing", "replication"
UPDATES, MAIL = "package-updates", "system-mail"
# A row of the table in a message about backups: number, name, how it went, how long it took.
ROW: Final = re.compile(r"(\d{3,9})\s+(?:(.*?)\s+)?(ok|err|error|todo)\s+\S.*", re.IGNORECASE)
REASON: Final = re.compile(r"ERROR: Backup of VM (\d{3,9}) failed - (.{1,500})")
# "FENCE: Try to fence node 'a'", then "SUCCEED: fencing: acknowledged - got agent lock for node 'a'"; older versions
# write SUCEED and acknowleged (PVE::HA::NodeStatus).
FENCED: Final = re.compile(r"node '([^'\s]{1,63})'")
FENCE_ENDED: Final = re.compile(r"\s*SUC+EED\b", re.IGNORECASE)
MOST_ROWS: Final = 5000


@dataclass(frozen=True, slots=True)
class Event:
    """One notification. ``kind`` is '' for a test of the target."""

    kind: str
    severity: str
    title: str
    message: str
    at: datetime
    hostname: str
    job: str

    @property
    def bad(self) -> bool:
        """Whether Proxmox itself calls it an error."""
        return self.severity == "error"

    @property
    def text(self) -> str:
        """The message, as much of it as a person reads."""
        return clean(self.message, LONGEST["text"]).strip()


@dataclass(frozen=True, slots=True)
class GuestBackup:
    """One guest's part in a backup."""

    vmid: str
    name: str
    failed: bool
    reason: str = ""


def check(payload: Any) -> dict[str, Any]:
    """The payload, if it is one of ours. Raises NotUnderstood."""
    if not isinstance(payload, dict) or not isinstance(payload.get("title"), str):
        raise NotUnderstood(_("it has no title"))
    if not isinstance(payload.get("fields"), dict):
        raise NotUnderstood(_("it has no fields"))
    return payload


def read(payload: Any, received_at: datetime) -> Event:
    """The event of a payload; of one without a time that exists, at the moment it came. Raises NotUnderstood."""
    known = check(payload)
    fields = known["fields"]
    message = known.get("message")
    return Event(
        kind=clean(fields.get("type"), 40),
        severity=clean(known.get("severity"), 10).lower(),
        title=" ".join(clean(known["title"], 200).split()) or _("A notification without a title"),
        message=message if isinstance(message, str) else "",
        at=epoch(known.get("timestamp")) or received_at,
        hostname=clean(fields.get("hostname"), 63).partition(".")[0],
        job=clean(fields.get("job-id"), 60),
    )


def guests(event: Event) -> list[GuestBackup]:
    """The guests in a message about backups. Empty where the run failed before it came to any."""
    reasons = dict(REASON.findall(event.message))
    found: dict[str, GuestBackup] = {}
    inside = False
    for line in event.message.splitlines()[:MOST_ROWS]:
        if line.startswith("VMID"):
            inside = True
        elif inside and (row := ROW.fullmatch(line.strip())):
            vmid, name, state = row[1], clean(row[2] or "", 100), row[3].lower()
            found[vmid] = GuestBackup(vmid, name, state != "ok", clean(reasons.get(vmid, "").strip()))
        elif inside:
            break
    return list(found.values())


def fenced_node(event: Event) -> str:
    """The node that a message about fencing is about: the one in its title, else the one in its fields."""
    found = FENCED.search(event.title)
    return found[1] if found else event.hostname


def fencing_ended(event: Event) -> bool:
    """Whether a message about fencing says that it is done: minutes after the node was lost."""
    return bool(FENCE_ENDED.match(event.title))
