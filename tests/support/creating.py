"""What a request for new servers needs in tests: somebody who may, parameters, and steps until it is over."""

from django.contrib.auth.models import Group, User

from portal.lib import clock
from portal.roles import apply
from servers.models import Counter, Operation, Server
from servers.operations import step
from servers.requesting import submit
from servers.sync import sync_cluster
from tests.support.processes import wait_until

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFake ada@example.org"


def administrator(name="ada"):
    """Somebody who may create servers."""
    apply()
    user = User.objects.create_user(name, password=f"{name}-has-a-long-one", is_staff=True)
    user.groups.add(Group.objects.get(name="administrator"))
    return user


def template_of(cluster):
    """The VM template that the simulator seeds."""
    return Server.objects.filter(cluster=cluster, template=True, kind="qemu", retired_at=None).select_related("node")[0]


def vm(cluster, name="new", node="pve1", **more):
    """What a clone is asked for."""
    template = template_of(cluster)
    return {
        "name": name, "kind": "qemu", "node": node, "full": True, "cores": 2, "memory": 2048, "bridge": "vmbr0",
        "source": {"how": "clone", "vmid": template.vmid, "node": template.node.name},
        "ip": "dhcp", "user": "ada", "ssh_keys": [KEY], "cloud_init": True, "tags": ["web"], "start": True, **more,
    }  # fmt: skip


def created(cluster):
    """How many servers of it were counted as created."""
    row = Counter.objects.filter(name=Counter.CREATED, cluster=cluster.name).first()
    return row.value if row else 0


def of_ours(pve):
    """The guests of the portal's range, by id."""
    return {vmid: guest for vmid, guest in pve.cluster.guests.items() if vmid >= 100_000}


def ask_for(user, cluster, *wanted, **more):
    """A request that has begun, and its operations in order."""
    request = submit(user, cluster, ", ".join(one["name"] for one in wanted), wanted, **more)
    return list(request.operations.order_by("pk"))


def drive(*operations, seconds=60.0, sync=True, until=None):
    """Do the steps of all of them in turn, and the syncs that are due, until they are over."""

    def over():
        rows = list(
            Operation.objects.filter(pk__in=[one.pk for one in operations]).select_related("server__node", "cluster")
        )
        going = [row for row in rows if row.is_active]
        if (until and until(rows)) or not going:
            return True
        for row in going:
            Operation.objects.filter(pk=row.pk).update(due_at=clock.now())
            step(row)
        if sync and any(row.kept.get("shown") for row in rows):
            sync_cluster(going[0].cluster)
        return False

    wait_until(
        over,
        timeout=seconds,
        what=lambda: str([(o.state, o.stage, o.waiting_for, o.message) for o in Operation.objects.all()]),
    )
    for operation in operations:
        operation.refresh_from_db()
    return operations
