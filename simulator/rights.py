"""Who may do what: privileges on paths, inherited downwards."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.errors import forbidden

_COMMON = """
Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit Group.Allocate Mapping.Audit
Mapping.Modify Mapping.Use Permissions.Modify Pool.Allocate Pool.Audit Realm.Allocate Realm.AllocateUser SDN.Allocate
SDN.Audit SDN.Use Sys.AccessNetwork Sys.Audit Sys.Console Sys.Incoming Sys.Modify Sys.PowerMgmt Sys.Syslog User.Modify
VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk
VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console VM.Migrate VM.PowerMgmt VM.Snapshot
VM.Snapshot.Rollback
""".split()  # noqa: SIM905
_AGENT = ("Audit", "FileRead", "FileSystemMgmt", "FileWrite", "Unrestricted")
_SINCE_9 = [*(f"VM.GuestAgent.{name}" for name in _AGENT), "VM.Replicate"]
BASE_PATHS = ("/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms")


def all_privileges(major: int) -> frozenset[str]:
    """Return every privilege that exists in a version."""
    return frozenset(_COMMON) | (frozenset(_SINCE_9) if major >= 9 else frozenset({"VM.Monitor"}))


def auditor_privileges(major: int) -> frozenset[str]:
    """Return the privileges of the read-only role."""
    names = {"VM.Audit", "Sys.Audit", "Datastore.Audit", "Pool.Audit", "SDN.Audit", "Mapping.Audit"}
    return frozenset(names | ({"VM.GuestAgent.Audit"} if major >= 9 else set()))


class Rights:
    """The privileges of one caller. An entry of a longer path replaces those of the shorter ones."""

    def __init__(self, entries: dict[str, frozenset[str]]) -> None:
        self.entries = {path: privileges for path, privileges in entries.items() if privileges}
        self._plain = set(self.entries) <= {"/"}
        self.key = repr(sorted((path, sorted(privileges)) for path, privileges in self.entries.items()))

    @classmethod
    def named(cls, kind: str | Iterable[str] | dict[str, list[str]], major: int) -> Rights:
        """Return the rights of a kind: ``all``, ``auditor``, ``none``, privileges on ``/``, or path -> privileges.

        Raises ValueError for another word or an unknown privilege.
        """
        known = all_privileges(major)
        words = {"all": known, "auditor": auditor_privileges(major), "none": frozenset[str]()}
        if isinstance(kind, str):
            if kind not in words:
                raise ValueError(f"rights are all, auditor, none or a list of privileges, not {kind!r}")
            return cls({"/": words[kind]})
        entries = kind if isinstance(kind, dict) else {"/": list(kind)}
        unknown = {name for names in entries.values() for name in names} - known
        if unknown:
            raise ValueError(f"no such privilege: {', '.join(sorted(unknown))}")
        return cls({path: frozenset(names) for path, names in entries.items()})

    def on(self, path: str) -> frozenset[str]:
        """Return the privileges on a path."""
        if self._plain:
            return self.entries.get("/", frozenset())
        while path not in self.entries and path != "/":
            path = path.rpartition("/")[0] or "/"
        return self.entries.get(path, frozenset())

    def may(self, path: str, *privileges: str) -> bool:
        """Whether at least one of the privileges is there on the path."""
        return not self.on(path).isdisjoint(privileges)

    def require(self, path: str, *privileges: str) -> None:
        """Raise the 403 unless one of the privileges is there on the path."""
        if not self.may(path, *privileges):
            raise forbidden(path, "|".join(privileges))

    def listing(self, more: Iterable[str] = ()) -> dict[str, dict[str, int]]:
        """Return path -> {privilege: 1}, as ``/access/permissions`` does: empty when there are no rights at all."""
        paths = {*self.entries, *BASE_PATHS, *more}
        return {path: dict.fromkeys(sorted(self.on(path)), 1) for path in sorted(paths) if self.on(path)}
