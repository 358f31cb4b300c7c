"""The endpoints, one file per area. Importing this package fills the route table."""

from simulator.api import access, backup, cluster, guests, ha, nodes, power, rarely, rrd, storage, tasks

__all__ = ["access", "backup", "cluster", "guests", "ha", "nodes", "power", "rarely", "rrd", "storage", "tasks"]
