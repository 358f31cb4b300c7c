"""Celery's side of the inventory: thin. Each task takes an id and looks whether there is still something to do."""

from typing import Any

from celery import shared_task

from portal.lib import clock
from servers import leftovers, newcomers, operations, rotation, snapshots, sync
from servers.models import Cluster, Operation, Server

# Beat entries; portal.celery collects them. A tick finds what is due; what it finds is a row already.
BEAT: dict[str, dict[str, Any]] = {
    "servers: sync what is due": {"task": "servers.tasks.tick"},
    "servers: drop old secrets": {"task": "servers.tasks.drop_secrets", "schedule": 3600.0},
}


@shared_task(ignore_result=True, expires=10)
def tick() -> None:
    """Queue what is due: syncs, rotations, clean-ups of what failed, the next steps of operations."""
    moment = clock.now()
    for cluster in Cluster.due(moment):
        sync_cluster.delay(cluster.pk)
    for cluster in rotation.rotations_due(moment):
        rotate_cluster.delay(cluster.pk)
    for pk in Operation.due(moment).values_list("pk", flat=True)[:200]:
        run_operation.delay(pk)
    leftovers.clear(moment)


@shared_task(ignore_result=True, expires=600)
def drop_secrets() -> None:
    """Drop the passwords that were kept for another try of what failed more than a day ago."""
    newcomers.purge_secrets()


@shared_task(ignore_result=True, expires=60)
def sync_cluster(cluster_id: int) -> None:
    """Sync one cluster, if it is still due: of several queued ticks only the first one does anything."""
    cluster = Cluster.due(clock.now()).filter(pk=cluster_id).first()
    if cluster:
        sync.sync_cluster(cluster)


@shared_task(ignore_result=True, expires=60)
def rotate_cluster(cluster_id: int) -> None:
    """Fetch what a cluster's rotation has due."""
    cluster = Cluster.objects.filter(pk=cluster_id, rotation_due_at__lte=clock.now()).first()
    if cluster:
        rotation.rotate(cluster)


@shared_task(ignore_result=True, expires=60)
def run_operation(operation_id: int) -> None:
    """Do the due step of an operation, and the next ones as long as they are due at once."""
    operation = Operation.objects.filter(pk=operation_id).select_related("server__node", "cluster").first()
    while operation and operation.is_active and operation.due_at <= clock.now() and operations.step(operation):
        operation = Operation.objects.filter(pk=operation_id).select_related("server__node", "cluster").first()


@shared_task(ignore_result=True, expires=60)
def look_at_snapshots(server_id: int) -> None:
    """Ask which snapshots a server has; if it is not done now, the rotation does it at its next turn."""
    server = Server.objects.filter(pk=server_id, retired_at=None).select_related("node", "cluster").first()
    if server:
        snapshots.refresh(server)
