"""The families of prometheus-pve-exporter 3.10: their names, types and labels are its contract with its users."""

from typing import Final

from monitoring.exposition import Family

GUEST_STATES: Final = (
    "stopped", "request_stop", "request_start", "request_start_balance", "started", "fence", "recovery", "migrate",
    "relocate", "freeze", "error",
)  # fmt: skip
NODE_STATES: Final = ("online", "maintenance", "unknown", "fence", "gone")
LOCKS: Final = (
    "backup", "clone", "create", "migrate", "rollback", "snapshot", "snapshot-delete", "suspended", "suspending",
)  # fmt: skip
SUBSCRIPTION_STATES: Final = ("new", "notfound", "active", "invalid", "expired", "suspended")
# What a qdevice tells → the label it stands in.
QDEVICE_LABELS: Final = {
    "Model": "model", "Algorithm": "algorithm", "QNetd host": "qnetd_host", "Tie-breaker": "tie_breaker",
    "State": "state",
}  # fmt: skip

UP: Final = Family("pve_up", "gauge", "1 where the node, guest, storage or cluster is up, else 0.")
HA_STATE: Final = Family("pve_ha_state", "gauge", "1 for the state that high availability has it in, else 0.")
LOCK_STATE: Final = Family("pve_lock_state", "gauge", "1 for what locks the guest, else 0.")
GUEST_INFO: Final = Family("pve_guest_info", "gauge", "Always 1: the guest's facts.")
STORAGE_INFO: Final = Family("pve_storage_info", "gauge", "Always 1: the storage's facts.")
STORAGE_SHARED: Final = Family("pve_storage_shared", "gauge", "1 where all nodes share the storage, else 0.")
NODE_INFO: Final = Family("pve_node_info", "gauge", "Always 1: the node's number and level.")
CLUSTER_INFO: Final = Family("pve_cluster_info", "gauge", "Always 1: the cluster's size, version and quorum.")
VERSION_INFO: Final = Family("pve_version_info", "gauge", "Always 1: the version of Proxmox VE.")
NOT_BACKED_UP: Final = Family("pve_not_backed_up_total", "gauge", "Guests in no backup job.")
NOT_BACKED_UP_INFO: Final = Family("pve_not_backed_up_info", "gauge", "Always 1: this guest is in no backup job.")
QDEVICE_UP: Final = Family("pve_qdevice_up", "gauge", "1 where the external vote is connected, else 0.")
QDEVICE_INFO: Final = Family("pve_qdevice_info", "gauge", "Always 1: the external vote's facts.")

DISK_SIZE: Final = Family("pve_disk_size_bytes", "gauge", "Size of a storage, of a node's or a guest's root disk.")
DISK_USAGE: Final = Family("pve_disk_usage_bytes", "gauge", "Used part of that size; unknown for virtual machines.")
MEMORY_SIZE: Final = Family("pve_memory_size_bytes", "gauge", "Memory of the node or guest.")
MEMORY_USAGE: Final = Family("pve_memory_usage_bytes", "gauge", "Memory in use.")
CPU_RATIO: Final = Family("pve_cpu_usage_ratio", "gauge", "Used part of the cores, 0 to 1.")
CPU_LIMIT: Final = Family("pve_cpu_usage_limit", "gauge", "Cores of the node or guest.")
UPTIME: Final = Family("pve_uptime_seconds", "gauge", "Seconds since the node's or guest's start.")
# Each counter under its old name, as a gauge, and under its new one.
TRAFFIC: Final = (
    ("net_out", "pve_network_transmit_bytes", "pve_network_transmit_bytes_total", "Bytes the guest sent."),
    ("net_in", "pve_network_receive_bytes", "pve_network_receive_bytes_total", "Bytes the guest received."),
    ("disk_write", "pve_disk_write_bytes", "pve_disk_written_bytes_total", "Bytes the guest wrote to its disks."),
    ("disk_read", "pve_disk_read_bytes", "pve_disk_read_bytes_total", "Bytes the guest read from its disks."),
)
COUNTERS: Final = tuple(
    (attribute, Family(old, "gauge", f"{text} The old name of {new}."), Family(new, "counter", text))
    for attribute, old, new, text in TRAFFIC
)

# In this order they stand on the page. Those of the second list have no header without a sample.
CLUSTER_FAMILIES: Final = (
    UP, DISK_SIZE, DISK_USAGE, MEMORY_SIZE, MEMORY_USAGE, *(old for _, old, _new in COUNTERS), CPU_RATIO, CPU_LIMIT,
    UPTIME, STORAGE_SHARED, *(new for _, _old, new in COUNTERS), HA_STATE, LOCK_STATE, GUEST_INFO, STORAGE_INFO,
    NODE_INFO, CLUSTER_INFO, VERSION_INFO, NOT_BACKED_UP, NOT_BACKED_UP_INFO, QDEVICE_UP, QDEVICE_INFO,
)  # fmt: skip

SUBSCRIPTION_INFO: Final = Family("pve_subscription_info", "gauge", "Always 1: the level of the node's subscription.")
SUBSCRIPTION_STATUS: Final = Family(
    "pve_subscription_status", "gauge", "1 for the state of the node's subscription, else 0."
)
SUBSCRIPTION_DUE: Final = Family(
    "pve_subscription_next_due_timestamp_seconds", "gauge", "When the node's subscription is due next."
)
REPLICATION_INFO: Final = Family("pve_replication_info", "gauge", "Always 1: what the job copies, from where to where.")
REPLICATION: Final = {
    "duration": Family("pve_replication_duration_seconds", "gauge", "Time the job's last run took."),
    "last_sync": Family("pve_replication_last_sync_timestamp_seconds", "gauge", "When it last succeeded."),
    "last_try": Family("pve_replication_last_try_timestamp_seconds", "gauge", "When it last ran."),
    "next_sync": Family("pve_replication_next_sync_timestamp_seconds", "gauge", "When it is to run next."),
    "fail_count": Family("pve_replication_failed_syncs", "gauge", "Failed runs in a row."),
}
NODE_FAMILIES: Final = (
    SUBSCRIPTION_INFO, SUBSCRIPTION_STATUS, SUBSCRIPTION_DUE, *REPLICATION.values(), REPLICATION_INFO,
)  # fmt: skip
# The names that the exporter leaves out altogether where there is nothing to tell.
WITHOUT_SAMPLES_ABSENT: Final = frozenset({NODE_INFO.name, CLUSTER_INFO.name, QDEVICE_UP.name, QDEVICE_INFO.name})
