"""The rows of the inventory. Other apps import from here and from nowhere else in ``servers``."""

from servers.models.backup import Backup, BackupRun, Outcome, Verification
from servers.models.blueprint import Blueprint
from servers.models.cluster import Cluster, TlsMode
from servers.models.counter import Counter
from servers.models.finding import Finding
from servers.models.guestsnapshot import GuestSnapshot
from servers.models.inventory import ExpectedState, Kind, Node, NodeStatus, Server, ServerStatus, Storage
from servers.models.operation import Operation, OperationState
from servers.models.request import POWER, Action
from servers.models.serverrequest import RequestState, ServerRequest
from servers.models.statechange import ChangeKind, StateChange
from servers.snapshot import Snapshot

__all__ = [
    "POWER",
    "Action",
    "Backup",
    "BackupRun",
    "Blueprint",
    "ChangeKind",
    "Cluster",
    "Counter",
    "ExpectedState",
    "Finding",
    "GuestSnapshot",
    "Kind",
    "Node",
    "NodeStatus",
    "Operation",
    "OperationState",
    "Outcome",
    "RequestState",
    "Server",
    "ServerRequest",
    "ServerStatus",
    "Snapshot",
    "StateChange",
    "Storage",
    "TlsMode",
    "Verification",
]
