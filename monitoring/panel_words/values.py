"""What a legend says that is a label and nothing else: words of our metrics and of Proxmox, not names of things.

What is not here is shown as it came.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

_STATES: Final[Mapping[str, Any]] = {
    "running": _("running"), "stopped": _("stopped"), "paused": _("paused"), "suspended": _("suspended"),
    "prelaunch": _("prelaunch"), "unknown": _("unknown"),
}  # fmt: skip
_VERIFICATIONS: Final[Mapping[str, Any]] = {
    "verified": _("verified"), "unverified": _("not verified"), "failed": _("verification failed"),
}  # fmt: skip
_RESULTS: Final[Mapping[str, Any]] = {
    "delivered": _("delivered"), "retried": _("to be tried again"), "dead": _("failed for good"),
    "dismissed": _("dismissed"), "test_delivered": _("test delivered"), "test_failed": _("test failed"),
}  # fmt: skip
_PARTS: Final[Mapping[str, Any]] = {
    "exporter": _("exporter"), "backup": _("backup"), "owner": _("owner"), "route": _("route"), "all": _("all of it"),
}  # fmt: skip
VALUES: Final[Mapping[str, Mapping[str, Any]]] = {
    "state": _STATES, "status": _VERIFICATIONS, "result": _RESULTS, "part": _PARTS,
}  # fmt: skip


def said(label: str, value: str) -> str:
    """A label's value in the reader's language, where it is one of these words."""
    return str(VALUES.get(label, {}).get(value, value))
