"""The thresholds of the shipped alert rules: their defaults, their units, and what makes sense.

The rule carries the same default for the time when the portal cannot be asked; a test compares the two. A new one also
needs a migration that makes its row.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


@dataclass(frozen=True)
class Threshold:
    """What is shipped: the default, its unit, the bounds within which a value makes sense, and what it means."""

    value: float
    unit: Any
    minimum: float
    maximum: float
    description: Any

    def objection(self, value: float) -> str:
        """'' or the sentence that says why that value is none."""
        if self.minimum <= value <= self.maximum:
            return ""
        return _("%(value)s %(unit)s makes no sense here: write a number from %(minimum)s to %(maximum)s.") % {
            "value": f"{value:.12g}", "unit": self.unit, "minimum": f"{self.minimum:g}", "maximum": f"{self.maximum:g}",
        }  # fmt: skip


PERCENT: Final = "%"
DAYS: Final = gettext_lazy("days")
SECONDS: Final = gettext_lazy("seconds")
SERVERS: Final = gettext_lazy("servers")

DEFAULTS: Final[dict[str, Threshold]] = {
    "HighCPUUsage": Threshold(80, PERCENT, 1, 100, gettext_lazy("CPU busy on a machine with a node exporter.")),
    "HighMemoryUsage": Threshold(85, PERCENT, 1, 100, gettext_lazy("Memory used on a machine with a node exporter.")),
    "HighDiskUsage": Threshold(90, PERCENT, 1, 100, gettext_lazy("A file system full, as its users see it.")),
    "StorageFull": Threshold(90, PERCENT, 1, 100, gettext_lazy("A storage of Proxmox full.")),
    "StorageNearlyFull": Threshold(80, PERCENT, 1, 100, gettext_lazy("A storage of Proxmox that gets full.")),
    "StorageFilling": Threshold(
        4, DAYS, 0.1, 365, gettext_lazy("Fires when a storage will be full sooner, if it goes on as in the last day.")
    ),
    "BackupTooOld": Threshold(8, DAYS, 0.1, 3650, gettext_lazy("Age of a server's newest backup.")),
    "SnapshotTooOld": Threshold(30, DAYS, 0.1, 3650, gettext_lazy("Age of a server's oldest snapshot.")),
    "BackupFailed": Threshold(
        0, gettext_lazy("runs a day"), 0, 100_000, gettext_lazy("Failed backup runs of a cluster that are put up with.")
    ),
    "NoBackup": Threshold(
        0, SERVERS, 0, 1_000_000, gettext_lazy("Servers of a cluster that may be without any backup.")
    ),
    "NoActiveServers": Threshold(
        0, SERVERS, 0, 1_000_000, gettext_lazy("Fires when this many servers run, or fewer.")
    ),
    "SyncFailing": Threshold(
        2, gettext_lazy("syncs"), 1, 1000, gettext_lazy("Fires when this many syncs of a cluster failed in a row.")
    ),
    "SyncStale": Threshold(
        300, SECONDS, 30, 86_400, gettext_lazy("Age of a cluster's last good sync. More than its interval.")
    ),
    "CertificateExpiring": Threshold(
        14, DAYS, 1, 365, gettext_lazy("Fires when a certificate of a node ends sooner.")
    ),
    "DeliveryFailing": Threshold(
        0, gettext_lazy("messages an hour"), 0, 100_000, gettext_lazy("Messages given up that are put up with.")
    ),
    "DeliveryLate": Threshold(300, SECONDS, 30, 86_400, gettext_lazy("How long a message may wait to be sent.")),
    "CanaryStale": Threshold(
        600, SECONDS, 180, 86_400, gettext_lazy("Age of the canary, which comes every minute, from which it is told.")
    ),
    "PortalErrors": Threshold(
        5, PERCENT, 0, 100, gettext_lazy("Requests to the portal that were answered with an error of its own (5xx).")
    ),
}  # fmt: skip
