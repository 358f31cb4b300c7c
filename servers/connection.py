"""“Check connection”: what an endpoint is, what the token may do, and the line that would give it the rest."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers.failover import credentials_of
from servers.identity import ask_identity, refuse_twin
from servers.models import Cluster
from servers.proxmox.errors import CertificateRejected, OddAnswer, ProxmoxError, SameCluster, Unreachable
from servers.proxmox.gateway import Credentials, Gateway, seen_fingerprint

CHECK_SECONDS: Final = 10.0

# Feature → privileges and the section of Proxmox's permission tree where each must be held. Each privilege is a tuple
# of alternatives: the names changed between versions (VM.Monitor became VM.GuestAgent.Audit in 9).
FEATURES: Final[dict[str, list[tuple[tuple[str, ...], str]]]] = {
    gettext_noop("See servers"): [(("VM.Audit",), "/vms")],
    gettext_noop("See nodes, quorum and tasks"): [(("Sys.Audit",), "/nodes")],
    gettext_noop("See storages"): [(("Datastore.Audit",), "/storage")],
    gettext_noop("See backups"): [
        (("Datastore.AllocateSpace", "Datastore.Allocate"), "/storage"), (("VM.Backup",), "/vms"),
    ],
    gettext_noop("Start and stop"): [(("VM.PowerMgmt",), "/vms")],
    gettext_noop("See addresses (guest agent)"): [(("VM.GuestAgent.Audit", "VM.Monitor"), "/vms")],
    gettext_noop("Back up and restore"): [(("VM.Backup",), "/vms"), (("Datastore.AllocateSpace",), "/storage")],
    gettext_noop("Snapshots"): [(("VM.Snapshot",), "/vms"), (("VM.Snapshot.Rollback",), "/vms")],
    gettext_noop("Create and delete"): [
        (("VM.Allocate",), "/vms"), (("VM.Clone",), "/vms"), (("Datastore.AllocateSpace",), "/storage"),
        (("SDN.Use",), "/sdn"), (("VM.Config.Disk",), "/vms"), (("VM.Config.CPU",), "/vms"),
        (("VM.Config.Memory",), "/vms"), (("VM.Config.Network",), "/vms"), (("VM.Config.Cloudinit",), "/vms"),
        (("VM.Config.Options",), "/vms"),
    ],
    gettext_noop("Migrate"): [(("VM.Migrate",), "/vms")],
    gettext_noop("Send notifications here"): [
        (("Mapping.Modify",), "/mapping"), (("Sys.AccessNetwork", "Sys.Modify"), "/"),
    ],
}  # fmt: skip


@dataclass(slots=True, frozen=True)
class Feature:
    """Something the portal can do. ``allowed`` is None where the token may do it for some objects only."""

    name: str
    allowed: bool | None
    missing: list[str] = field(default_factory=list)
    pveum: str = ""


@dataclass(slots=True, frozen=True)
class ConnectionReport:
    """What a check found. ``fingerprint`` is that of the certificate seen on the endpoint that was tried last."""

    ok: bool
    sentence: str
    hint: str = ""
    kind: str = ""
    endpoint: str = ""
    version: str = ""
    fingerprint: str = ""
    features: list[Feature] = field(default_factory=list)
    identity: list[str] = field(default_factory=list)


def check_connection(cluster: Cluster) -> ConnectionReport:
    """Ask each endpoint in turn, also those in back-off, until one answers. Reads only; works on an unsaved row.

    Call it outside a transaction: it may take ten seconds per endpoint.
    """
    report = ConnectionReport(False, _("The cluster has no endpoint."))
    credentials = credentials_of(cluster)
    for endpoint in cluster.endpoints:
        report = _check_endpoint(credentials, endpoint)
        if report.ok or report.kind not in ENDPOINT_KINDS:
            break
    try:
        refuse_twin(cluster, report.identity)
    except SameCluster as error:
        return replace(report, ok=False, sentence=error.sentence, hint=error.hint, kind=error.kind)
    return report


ENDPOINT_KINDS: Final = frozenset({Unreachable.kind, CertificateRejected.kind, OddAnswer.kind})


def _check_endpoint(credentials: Credentials, endpoint: str) -> ConnectionReport:
    common: dict[str, Any] = {"endpoint": endpoint, "fingerprint": seen_fingerprint(endpoint)}
    try:
        with Gateway(credentials, endpoint, read_seconds=CHECK_SECONDS) as gateway:
            version, permissions, identity = gateway.version(), gateway.permissions(), ask_identity(gateway)
    except ProxmoxError as error:
        return ConnectionReport(False, error.sentence, error.hint, error.kind, **common)
    features = judge(permissions, credentials.token_id)
    common |= {"version": version, "features": features, "identity": identity}
    if not permissions:
        return ConnectionReport(
            False,
            _("The token works, but it may do nothing: Proxmox answers with empty lists."),
            _("Tokens have rights of their own. On a node: %(line)s")
            % {"line": _pveum(credentials.token_id, "PVEAuditor")},
            "no_rights",
            **common,
        )
    lacking = [feature.name for feature in features if feature.allowed is not True]
    sentence = _("Connected to Proxmox VE %(version)s; everything is allowed.")
    if lacking:
        sentence = _("Connected to Proxmox VE %(version)s. Not allowed everywhere: %(what)s.")
    return ConnectionReport(True, sentence % {"version": version, "what": ", ".join(lacking)}, **common)


def judge(permissions: dict[str, dict[str, int]], token_id: str) -> list[Feature]:
    """Every feature with what the token lacks for it and the ``pveum`` lines that give it."""
    return [_feature(name, needs, permissions, token_id) for name, needs in FEATURES.items()]


def _feature(
    name: str, needs: list[tuple[tuple[str, ...], str]], permissions: dict[str, dict[str, int]], token_id: str
) -> Feature:
    missing, partly = [], False
    for alternatives, section in needs:
        everywhere = permissions.get("/", {}) | permissions.get(section, {})
        if any(privilege in everywhere for privilege in alternatives):
            continue
        missing.append(alternatives[0])
        partly |= any(p in held for path, held in permissions.items() if path.startswith(section) for p in alternatives)
    allowed = True if not missing else None if partly else False
    role = "Portal" + "".join(word.capitalize() for word in name.replace("(", " ").replace(")", " ").split())
    lines = f"pveum role add {role} --privs '{','.join(missing)}'; {_pveum(token_id, role)}" if missing else ""
    return Feature(_(name), allowed, missing, lines)


def _pveum(token_id: str, role: str) -> str:
    """Both lines are needed: a token with privilege separation can do what it AND its user may do."""
    user = token_id.partition("!")[0]
    return f"pveum acl modify / --users '{user}' --tokens '{token_id}' --roles {role}"
