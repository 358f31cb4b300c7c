"""Deleting a cluster here: what goes with it, what stays, and that Proxmox never hears of it."""

from typing import TYPE_CHECKING, Any

from auditlog.context import disable_auditlog
from django.http import HttpRequest

from portal.lib import audit
from servers.models import Backup, BackupRun, Cluster, Node, Operation, Server, StateChange, Storage

if TYPE_CHECKING:
    from unfold.admin import ModelAdmin as _Base
else:
    _Base = object


class DeletedWhole(_Base):
    """For the ModelAdmin of clusters."""

    delete_confirmation_template = "servers/delete_cluster.html"

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Clusters are deleted one by one, from their page."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes with a cluster, counted: naming ten thousand rows would help nobody decide."""
        kinds = (Server, Node, Storage, Backup, BackupRun, Operation, StateChange)
        counted = {str(kind._meta.verbose_name_plural): kind.objects.filter(cluster__in=objs).count() for kind in kinds}
        return (
            [str(cluster) for cluster in objs],
            {name: number for name, number in counted.items() if number},
            set(),
            [],
        )

    def delete_model(self, request: HttpRequest, obj: Cluster) -> None:
        """Delete it with all that belongs to it, under one entry of the audit trail instead of one per server."""
        audit.deleted(obj, {"name": obj.name, "endpoints": obj.endpoints, "token_id": obj.token_id})
        with disable_auditlog():
            obj.delete()
