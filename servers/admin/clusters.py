"""The list of clusters, the form of a cluster, and its buttons."""

from collections.abc import Sequence
from copy import copy
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from portal.lib import audit, clock, show
from portal.lib.admin import GuardedAdmin
from portal.lib.buttons import Outcome, list_url, object_button, object_url
from portal.lib.cache import redis_answers
from portal.lib.nudge import nudge
from servers.admin import confirmations, labels
from servers.admin.deleting import DeletedWhole
from servers.admin.forms import ClusterForm, fieldsets
from servers.admin.notifying import NOTIFYING, NotifyingButtons
from servers.connection import ConnectionReport, check_connection
from servers.models import Cluster, Node, Server
from servers.tasks import sync_cluster

# What the check after saving depends on.
CONNECTION: Final = frozenset({"endpoints", "token_id", "token_secret", "tls_mode", "ca_certificate", "fingerprint"})
RETIREMENTS_ALLOWED_FOR: Final = timedelta(minutes=15)


@admin.register(Cluster)
class ClusterAdmin(NotifyingButtons, DeletedWhole, GuardedAdmin):
    """Where the clusters are, and how it goes with them."""

    form = ClusterForm
    list_display = ("name", "state", "last_sync", "trouble", "nodes", "servers", "version", "every")
    search_fields = ("name", "endpoints", "token_id")
    search_help_text = gettext_lazy("Name, endpoint or token id")
    ordering = ("name",)
    export_columns = (
        "name",
        "endpoints",
        "enabled",
        "interval",
        "version",
        "quorate",
        "last_success_at",
        "last_error",
        "failing_since",
    )
    actions_detail = ("check_now", "sync_now", "allow_retirements", NOTIFYING)
    empty_hint = gettext_lazy("Add a cluster, and its servers appear here a moment later.")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Name, address, token, certificate."""
        edits = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return fieldsets(edits=edits)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        """What is shown and is no field of the form."""
        return (*super().get_readonly_fields(request, obj), "endpoint_list")

    @display(description=gettext_lazy("endpoints"))
    def endpoint_list(self, cluster: Cluster) -> str:
        """Its addresses, as one reads them."""
        return ", ".join(cluster.endpoints)

    @property
    def conditional_fields(self) -> dict[str, str]:
        """The fields that a certificate check does not use are hidden."""
        return {"ca_certificate": "tls_mode == 'ca'", "fingerprint": "tls_mode == 'fingerprint'"}

    def has_sync_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the buttons are offered."""
        return self.allows(request, "sync", obj)

    def has_retire_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The button for held retirements is offered where some are held."""
        cluster = obj if isinstance(obj, Cluster) or obj is None else self.object_once(request, str(obj))
        return bool(cluster and cluster.held_retirements) and self.allows(request, "change", cluster)

    def prepare(self, request: HttpRequest, rows: Sequence[Cluster]) -> None:
        """The numbers of nodes and servers, in one query each."""
        keys = [row.pk for row in rows]
        living = Node.objects.filter(cluster__in=keys, retired_at=None).order_by().values("cluster")
        nodes = living.annotate(all=Count("pk"), up=Count("pk", filter=Q(status="online")))
        guests = Server.objects.filter(cluster__in=keys, retired_at=None, template=False).order_by().values("cluster")
        servers = guests.annotate(all=Count("pk"), up=Count("pk", filter=Q(status="running")))
        of_nodes = {row["cluster"]: (row["up"], row["all"]) for row in nodes}
        of_servers = {row["cluster"]: (row["up"], row["all"]) for row in servers}
        for row in rows:
            row.node_counts = of_nodes.get(row.pk, (0, 0))  # type: ignore[attr-defined]
            row.server_counts = of_servers.get(row.pk, (0, 0))  # type: ignore[attr-defined]

    # --- columns

    @display(description=gettext_lazy("state"))
    def state(self, cluster: Cluster) -> Any:
        """How the last sync went."""
        return labels.cluster_status(cluster)

    @display(description=gettext_lazy("last good sync"), ordering="last_success_at")
    def last_sync(self, cluster: Cluster) -> Any:
        """How long ago."""
        return show.moment(cluster.last_success_at)

    @display(description=gettext_lazy("error"))
    def trouble(self, cluster: Cluster) -> str:
        """What went wrong last."""
        return cluster.last_error or show.DASH

    @display(description=gettext_lazy("nodes online"))
    def nodes(self, cluster: Any) -> Any:
        """A link to its nodes."""
        return show.link(list_url(Node, cluster=cluster.pk), _of(*cluster.node_counts))

    @display(description=gettext_lazy("servers running"))
    def servers(self, cluster: Any) -> Any:
        """A link to its servers."""
        return show.link(list_url(Server, cluster=cluster.pk, type="guest"), _of(*cluster.server_counts))

    @display(description=gettext_lazy("every"), ordering="interval")
    def every(self, cluster: Cluster) -> str:
        """The interval."""
        return clock.span(timedelta(seconds=cluster.interval))

    # --- saving

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Before the transaction of saving, ask the cluster who it is; after it, say what it answered."""
        if request.method == "POST":
            request._report = self._ask(request, object_id)  # type: ignore[attr-defined]
        answer: HttpResponse = super().changeform_view(request, object_id, *args, **kwargs)
        saved: Cluster | None = getattr(request, "_saved_connection", None)
        if saved is not None:
            confirmations.tell(request, request._report)  # type: ignore[attr-defined]
            _wake(saved)
        return answer

    def _ask(self, request: HttpRequest, object_id: str | None) -> ConnectionReport | None:
        """What the cluster answers to what was typed; None where nothing of that is new, or it is not complete."""
        cluster = self.object_once(request, object_id) if object_id else None
        allowed = self.has_change_permission(request, cluster) if object_id else self.has_add_permission(request)
        if not allowed or (object_id and cluster is None):
            return None
        typed = ClusterForm(request.POST, instance=copy(cluster))
        if not typed.is_valid() or (cluster and not CONNECTION.intersection(typed.changed_data)):
            return None
        return check_connection(typed.instance)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, which refuses a cluster that is here already."""
        form = super().get_form(request, obj, change, **kwargs)
        form.report = getattr(request, "_report", None)
        return form

    def save_model(self, request: HttpRequest, obj: Cluster, form: Any, change: bool) -> None:
        """Remember that the connection was checked; the next sync asks again who it is."""
        super().save_model(request, obj, form, change)
        if not change or CONNECTION.intersection(form.changed_data):
            Cluster.objects.filter(pk=obj.pk).update(identity=[])
            request._saved_connection = obj  # type: ignore[attr-defined]

    # --- buttons

    @object_button(
        permission="sync",
        description=gettext_lazy("Check connection"),
        path="check-connection",
        icon="network_check",
        confirmation=confirmations.about_check,
    )
    def check_now(self, request: HttpRequest, cluster: Cluster) -> HttpResponse:
        """Ask, and show what was answered, feature by feature."""
        report = check_connection(cluster)
        if report.ok and not cluster.healthy and cluster.enabled:
            _wake(cluster)
        self._record(request, cluster, _("Checked the connection: %(answer)s") % {"answer": report.sentence}, "check")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": cluster,
            "title": _("Check connection"),
            "report": report,
            "back_url": object_url(cluster),
            "may_edit": self.allows(request, "change", cluster),
        }
        return TemplateResponse(request, "servers/connection.html", context)

    @object_button(
        permission="sync",
        description=gettext_lazy("Sync now"),
        path="sync-now",
        icon="sync",
        confirmation=confirmations.about_sync,
    )
    def sync_now(self, request: HttpRequest, cluster: Cluster) -> Outcome:
        """Make the next sync due at once."""
        if not cluster.enabled:
            return Outcome(_("This cluster is disabled: enable it first."), messages.WARNING)
        _wake(cluster)
        self._record(request, cluster, _("Asked for a sync."), "sync")
        if not redis_answers():
            later = _("“%(name)s” is due now. Redis cannot be reached: the next tick after it is back syncs it.")
            return Outcome(later % {"name": cluster}, messages.WARNING)
        return Outcome(_("“%(name)s” is being synced: the lists show the result in a few seconds.") % {"name": cluster})

    @object_button(
        permission="change",
        description=gettext_lazy("Allow retirements"),
        path="allow-retirements",
        icon="inventory",
        confirmation=confirmations.about_retiring,
    )
    def allow_retirements(self, request: HttpRequest, cluster: Cluster) -> Outcome:
        """Let the next syncs retire more than the plausible number."""
        if not cluster.held_retirements:
            return Outcome(_("Nothing is held back any more: there is nothing to allow."), messages.INFO)
        until = clock.now() + RETIREMENTS_ALLOWED_FOR
        Cluster.objects.filter(pk=cluster.pk).update(retirements_allowed_until=until)
        audit.note(cluster, {"retirements_allowed_until": (cluster.retirements_allowed_until, until)})
        self.log_change(request, cluster, _("Allowed %(count)d retirements.") % {"count": cluster.held_retirements})
        _wake(cluster)
        return Outcome(_("The next sync retires them; it runs in a moment."))

    allow_retirements.allowed_permissions = ["retire"]

    def _record(self, request: HttpRequest, cluster: Cluster, sentence: str, what: str) -> None:
        self.log_change(request, cluster, sentence)
        audit.note(cluster, {what: ("", sentence)})


def _wake(cluster: Cluster) -> None:
    cluster.sync_soon()
    nudge(sync_cluster, cluster.pk)


def _of(part: int, whole: int) -> str:
    return _("%(part)d of %(all)d") % {"part": part, "all": whole}
