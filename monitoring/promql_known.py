"""What expressions may ask for beside our own families: the short list of names that others export, and the values that
some labels of ours have. Tests compare the list with a real node exporter, and the values with a running portal."""

from typing import Final

from monitoring.thresholds import DEFAULTS

Labels = frozenset[str]
# Beside its own labels a series has those of its scrape.
SCRAPED: Final = frozenset({"job", "instance"})
# What /api/prometheus/sd/ and the relabelling of deploy/prometheus/prometheus.yml give a target, and thereby each
# series of its exporter.
DISCOVERED: Final = frozenset(
    {"server", "vmid", "cluster", "node", "type", "environment", "owner", "tags", "server_id"}
)
_DISK: Final = dict.fromkeys(
    ("node_disk_io_time_seconds_total", "node_disk_read_bytes_total", "node_disk_written_bytes_total"), ("device",)
)
_FILE_SYSTEM: Final = dict.fromkeys(
    ("node_filesystem_avail_bytes", "node_filesystem_free_bytes", "node_filesystem_size_bytes"),
    ("device", "fstype", "mountpoint"),
)
_NETWORK: Final = {
    f"node_network_{way}_{what}_total": ("device",) for way in ("receive", "transmit") for what in ("bytes", "packets")
}
_PLAIN: Final = dict.fromkeys(
    (
        "node_load1", "node_load5", "node_load15", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes",
        "node_memory_SwapFree_bytes", "node_memory_SwapTotal_bytes", "up",
    ),
    (),
)  # fmt: skip
_OWN: Final[dict[str, tuple[str, ...]]] = {
    "node_cpu_seconds_total": ("cpu", "mode"),
    "node_uname_info": ("domainname", "machine", "nodename", "release", "sysname", "version"),
    **_DISK, **_FILE_SYSTEM, **_NETWORK, **_PLAIN,
}  # fmt: skip
# None: any label. Alerts have those of their rules.
FOREIGN: Final[dict[str, Labels | None]] = {
    **{name: frozenset(labels) | DISCOVERED for name, labels in _OWN.items()},
    "ALERTS": None,
    "ALERTS_FOR_STATE": None,
}
# Where a name that is misspelt would go unnoticed: the rule's own default would hold, or nothing would ever fire.
VALUES: Final[dict[tuple[str, str], Labels]] = {
    ("portal_alert_threshold", "alert"): frozenset(DEFAULTS),
    ("portal_collector_success", "collector"): frozenset({
        "http", "build", "clusters", "guest_usage", "guests", "guest_backups", "nodes", "node_usage", "findings",
        "storages", "servers", "backups", "counters", "users", "coverage", "thresholds", "notifications", "canary",
        "incidents", "work", "broker",
    }),
}  # fmt: skip
