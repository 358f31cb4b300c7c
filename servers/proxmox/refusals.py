"""Which kind of no an answer is: parameters, a lock, an id that is taken, a guest that is elsewhere, no quorum.

The texts are those of live servers of Proxmox VE 8.4 and 9.2. The same mistake comes as a status with one call and as
the end of a task with another, so both are judged here.
"""

import re
from typing import Final

from servers.proxmox.errors import AlreadyThere, GuestMissing, Locked, NoQuorum, ParametersRefused, Refused

LOCK: Final = re.compile(r"\b(?:VM|CT) is locked(?: \(([\w-]+)\))?")
LOCK_FILE: Final = re.compile(r"can't lock file '[^']*' - got timeout")
TAKEN: Final = re.compile(
    r"\b(?:VM|CT) \d+ already exists\b|config file already exists|atomic file '[^']*' failed: File exists"
    r"|already defined|\bJob '[^']*' already exists|snapshot name '[^']*' already used"
)
MISSING: Final = re.compile(
    r"Configuration file '[^']*' does not exist|unable to find configuration file for (?:VM|CT) \d+"
    r"|unable to find VM '\d+'"
)
QUORUM: Final = re.compile(r"no quorum|/etc/pve/\S* - Permission denied|\.conf\.tmp\.\S* - Permission denied")
# a 500 whose reason is the first line of another answer's text; the parameters follow in the body's message
INNER: Final = re.compile(r"^400 Parameter verification failed\.")
COMPLAINT: Final = re.compile(r"^([\w\[\]-]+): (.+)$")


def refusal(status: int, reason: str, errors: dict[str, str] | None = None, message: str = "") -> Refused:
    """The error for an answer: ``reason`` is the phrase of the status line, ``message`` the body's text of 8.4 on,
    which is longer than the phrase where that is only its first line."""
    errors = errors or _inner(reason, message)
    if errors:
        return ParametersRefused(status, reason, errors)
    if match := LOCK.search(reason):
        return Locked(status, reason, match[1] or "")
    if LOCK_FILE.search(reason):
        return Locked(status, reason, "")
    for pattern, kind in ((TAKEN, AlreadyThere), (MISSING, GuestMissing), (QUORUM, NoQuorum)):
        if pattern.search(reason):
            return kind(status, reason)
    return Refused(status, reason)


def of_task(exit_status: str) -> Refused:
    """The error for a task that failed: ``exit_status`` is what Proxmox gave it. The error's status is 0."""
    return refusal(0, exit_status)


def _inner(reason: str, message: str) -> dict[str, str]:
    if not INNER.match(reason):
        return {}
    found = (COMPLAINT.match(line.strip()) for line in message.splitlines()[1:])
    return {match[1]: match[2] for match in found if match}
