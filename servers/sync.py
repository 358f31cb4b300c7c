"""One sync of one cluster: fetch, judge, compare, apply, report. A failed sync changes nothing but what it reports."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from portal.lib import clock
from servers import reconcile, snapshot
from servers.failover import Endpoints, ask
from servers.identity import ask_identity, refuse_twin
from servers.models import ChangeKind, Cluster, Server, StateChange
from servers.proxmox.errors import Implausible, NoRights, NotAllowed, ProxmoxError, TokenRefused
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import ClusterStatus, Resources

logger = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True)
class Report:
    """What a sync did. ``error`` is a sentence, empty after a good one; ``skipped`` means another process has it."""

    cluster: str
    skipped: bool = False
    error: str = ""
    seconds: float = 0.0
    changes: reconcile.Tally = field(default_factory=reconcile.Tally)


@dataclass(slots=True)
class Answer:
    """What one sync fetched."""

    resources: Resources
    status: ClusterStatus | None  # None: the token may not ask
    rights: bool = True
    identity: list[str] = field(default_factory=list)


def sync_cluster(cluster: Cluster) -> Report:
    """Sync it now, unless another process is at it. Returns a Report and raises nothing that Proxmox could cause."""
    moment, started = clock.now(), time.monotonic()
    token = cluster.claim(moment)
    if not token:
        return Report(cluster.name, skipped=True)
    cluster.refresh_from_db()
    endpoints = Endpoints(list(cluster.endpoints), dict(cluster.endpoint_state))
    columns: dict[str, Any] = {"last_error": _("The sync broke off. The log says why."), "last_error_kind": "internal"}
    report = Report(cluster.name, error=str(columns["last_error"]))
    try:
        answer = ask(cluster, lambda gateway: _fetch(gateway, lambda: _still_ours(cluster, token)), endpoints)
        answer.identity = cluster.identity or ask(cluster, ask_identity, endpoints)
        _judge(cluster, answer)
        tally = _apply(cluster, answer, moment, token)
        report, columns = Report(cluster.name, changes=tally), _columns_of_success(cluster, answer, moment, tally)
    except ProxmoxError as error:
        sentence = f"{error.sentence} {error.hint}".strip()
        report, columns = Report(cluster.name, error=sentence), {"last_error": sentence, "last_error_kind": error.kind}
        if isinstance(error, TokenRefused):
            columns |= {**cluster.rest(moment), "last_error": f"{sentence} {_rests()}"}
        logger.warning("Sync of %s failed: %s", cluster.name, error.kind)
    finally:
        seconds = time.monotonic() - started
        if columns["last_error"]:
            columns |= {"failures": cluster.failures + 1, "failing_since": cluster.failing_since or moment}
        cluster.release(token, last_duration=seconds, endpoint_state=endpoints.state, **columns)
    _note_turn(cluster, report)
    return replace(report, seconds=seconds)


def _rests() -> str:
    return _(
        "It is tried less and less often, up to every quarter of an hour; “Sync now”, “Check connection” or a change "
        "of the connection tries it at once."
    )


def _still_ours(cluster: Cluster, token: str) -> None:
    """Prolong the lease before a call that may take long. Raises Implausible where another worker took over."""
    if not cluster.prolong(token, clock.now()):
        raise Implausible(_("The sync took too long and another worker took over."))


def _fetch(gateway: Gateway, before_a_call: Callable[[], None]) -> Answer:
    before_a_call()
    resources = gateway.resources()
    before_a_call()
    try:
        status = gateway.cluster_status()
    except NotAllowed:
        status = None
    # No guests at all: either it is so, or the token may see none. Only then is the second question worth a call.
    if resources.guests:
        return Answer(resources, status)
    before_a_call()
    rights = bool(gateway.permissions())
    return Answer(resources, status, rights)


def _judge(cluster: Cluster, answer: Answer) -> None:
    """Raises where a well-formed answer cannot be the truth, or is another row's."""
    refuse_twin(cluster, answer.identity)
    if not answer.rights:
        raise NoRights(
            _("The token works, but it may see nothing: Proxmox answers with empty lists."),
            _("Give it the role PVEAuditor on /: pveum acl modify / --tokens '%(token)s' --roles PVEAuditor")
            % {"token": cluster.token_id},
        )
    broken, whole = len(answer.resources.complaints), len(answer.resources.guests)
    if broken > max(5, whole // 5):
        raise Implausible(
            _("%(count)d rows of Proxmox's answer were not understood.") % {"count": broken}, _("Nothing was changed.")
        )
    living = Server.objects.filter(cluster=cluster, retired_at=None).count()
    if living and not answer.resources.guests and not reconcile.retirements_allowed(cluster, clock.now()):
        raise Implausible(
            _("Proxmox lists no guests at all, where %(count)d were known.") % {"count": living},
            _("Nothing was changed. If they are really gone, allow the retirements on the cluster's page."),
        )


def _apply(cluster: Cluster, answer: Answer, moment: datetime, token: str) -> reconcile.Tally:
    with transaction.atomic():
        # The row is locked by this write, and a worker whose lease ran out meanwhile writes nothing.
        if not Cluster.objects.filter(pk=cluster.pk, lease_token=token).update(lease_token=token):
            raise Implausible(_("The sync took too long and another worker took over."))
        tally = reconcile.apply(cluster, answer.resources, answer.status, moment)
    resources = answer.resources
    snapshot.save(cluster.pk, snapshot.Snapshot(moment, resources.nodes, resources.guests, resources.storages))
    return tally


def _columns_of_success(cluster: Cluster, answer: Answer, moment: datetime, tally: reconcile.Tally) -> dict[str, Any]:
    return {
        "last_error": "",
        "last_error_kind": "",
        "last_warning": _warning(answer, tally),
        "failures": 0,
        "refusals": 0,
        "failing_since": None,
        "last_success_at": moment,
        "quorate": answer.status.quorate if answer.status else None,
        "identity": answer.identity,
        "held_retirements": tally.held,
        "first_complete_at": cluster.first_complete_at or (moment if tally.complete else None),
    }


def _warning(answer: Answer, tally: reconcile.Tally) -> str:
    """What an operator should know about a sync that succeeded."""
    if tally.held:
        return _(
            "%(count)d servers are gone from Proxmox, too many to retire unasked. If that is so, allow the retirements."
        ) % {"count": tally.held}
    if answer.resources.complaints:
        return _("Some of Proxmox's answer was not understood: %(what)s.") % {"what": answer.resources.complaints[0]}
    if answer.status is None:
        return _("The token may not see the quorum (Sys.Audit on /): servers that vanish are not retired.")
    if not answer.status.quorate:
        return _("The cluster has no quorum: servers that vanish are not retired.")
    return ""


def _note_turn(cluster: Cluster, report: Report) -> None:
    """A row when a cluster's sync begins to fail, and one when it is well again."""
    if bool(report.error) != bool(cluster.last_error):
        old, new = ("ok", "failing") if report.error else ("failing", "ok")
        StateChange.objects.create(cluster=cluster, kind=ChangeKind.SYNC, field="sync", old=old, new=new)
