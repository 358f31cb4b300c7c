"""Twenty servers are asked for in the form while nodes and workers die and another portal takes ids from under them."""

import contextlib
import re

import pytest

from simulator import Simulator
from tests.journeys.conftest import PASSWORD, World
from tests.support.components import need
from tests.support.creating import KEY
from tests.support.processes import Portal, wait_until

pytestmark = pytest.mark.real

BEGIN = """
from django.contrib.auth.models import User
from servers.models import Blueprint, Cluster
cluster = Cluster.objects.create(name="demo", interval=5, tls_mode="fingerprint", endpoints=[{pve.url!r}],
    token_id={pve.token_id!r}, token_secret={pve.token_secret!r}, fingerprint={pve.fingerprint!r})
Blueprint.objects.create(pk=1, name="Web", cluster=cluster, template={template!r}, bridge="vmbr0", user="ada",
    max_count=50)
User.objects.create_superuser("admin", password={password!r})
"""
# What the form does, of a portal that runs no web server.
RIVAL = """
from django.contrib.auth.models import User
from servers import offers, requesting
from servers.admin.creating.forms import NewServerForm
from servers.models import Blueprint
blueprint = Blueprint.objects.get()
form = NewServerForm(blueprint, offers.of_cluster(blueprint.cluster), {given!r})
assert form.is_valid(), form.errors
requesting.submit(User.objects.get(), blueprint.cluster, form.cleaned_data["names"], form.wanted, blueprint=blueprint)
"""
FORM = "/admin/servers/serverrequest/add/?blueprint=1"
MADE = "SELECT vmid FROM servers_operation WHERE action = 'create' AND state IN ('succeeded', 'warnings')"
GOING = "SELECT count(*) FROM servers_operation WHERE state IN ('queued', 'sending', 'running', 'settling')"
OPEN = f"{GOING} OR json_extract(kept, '$.left') IS NOT NULL"
# Of one that was followed by a clean-up of its own, that one's words count.
FAILED = """SELECT message FROM servers_operation AS one WHERE state IN ('failed', 'lost')
    AND NOT EXISTS (SELECT 1 FROM servers_operation WHERE retry_of_id = one.id)"""
BUSIEST = """SELECT json_extract(parameters, '$.node') AS node FROM servers_operation WHERE node != ? GROUP BY node
    ORDER BY count(*) DESC, node LIMIT 2"""
MIDWAY = """SELECT count(*) FROM servers_operation WHERE json_extract(parameters, '$.node') = ?
    AND stage BETWEEN 1 AND 2 AND state IN ('sending', 'running', 'settling')"""
REASONS = re.compile(r"does not answer|is not online|unexpected status")
# The last one: the call never arrived, and meanwhile the other portal took the id.
ENDS = re.compile(r"Nothing of it is left in Proxmox|was removed|is somebody else’s and was not touched")


@pytest.fixture
def pve():
    with Simulator(guests=8, nodes=5, seed=1, task_seconds=0.1, auth_failure_delay=0.0) as simulator:
        for node in simulator.cluster.nodes.values():
            node.memory = 64 * 1024**3  # as large as each other: they get as many servers
        yield simulator


@pytest.fixture
def portals(pve):
    """Two, of the same cluster: what one makes, the other one only sees."""
    need("redis-server")
    with contextlib.ExitStack() as stack:
        yield [open_portal(pve, stack, *more) for more in (["web"], [])]


def open_portal(pve, stack, *more):
    """A portal that knows the cluster and has a blueprint of its template."""
    env = {"PORTAL_NODE_PATIENCE_SECONDS": "3"}
    world = World(stack.enter_context(Portal(env, web_workers=1, static=bool(more))), pve, None, None)
    template = next(guest for guest in pve.cluster.guests.values() if guest.template)
    world.portal.python(BEGIN.format(pve=pve, template=str(template.vmid), password=PASSWORD))
    world.portal.start("redis", "worker", "beat", *more)
    world.home = template.node
    world.wait_for_sync()
    return world


def given(names, ip, **more):
    """What the form is filled with."""
    return {"names": names, "ip": ip, "gateway": "10.9.8.1", "cores": 1, "memory": 4096, "bridge": "vmbr0",
            "user": "ada", "ssh_keys": KEY, "start": "on", **more}  # fmt: skip


def made(world):
    """The ids of the servers that it made, as its operations tell."""
    return [row[0] for row in world.rows(MADE)]


def kill_node(world, node):
    """As soon as a server is being made there."""
    wait_until(lambda: world.one(MIDWAY, node) or not world.one(GOING), 60, what=world.operations)
    world.pve.node_offline(node)


def let_them_die(world):
    """Three workers and two nodes, one after the other, each in the middle of something."""
    nodes = [row[0] for row in world.rows(BUSIEST, world.home)]
    for number in range(3):
        wait_until(lambda number=number: len(made(world)) > 2 * number, 60, what=world.operations)
        world.kill_worker()
        for node in nodes[number : number + 1]:
            kill_node(world, node)
    wait_until(lambda: not world.one(GOING), 90, what=world.operations)
    return nodes


def test_every_wanted_server_exists_once_or_is_explained_whatever_dies(pve, portals):
    ours, theirs = portals
    seeds, before = set(pve.cluster.guests), ours.metric("server_creation_total")
    answer = ours.press(FORM, **given("ring-{01..20}", "10.9.8.10-10.9.8.40/24"))
    assert "/change/" in answer.url, re.findall(r'pm-ink-bad" role="alert">([^<]+)', answer.text)
    theirs.portal.python(RIVAL.format(given=given("rival-{1..4}", "10.9.9.10/24", node=theirs.home)))
    nodes = let_them_die(ours)
    assert ours.one(OPEN), "something is left where nobody can reach it, and that is known"
    for node in nodes:
        pve.node_online(node)
    wait_until(lambda: not ours.one(OPEN) and not theirs.one(OPEN), 60, what=ours.operations)
    mine, others, words = made(ours), made(theirs), [row[0] for row in ours.rows(FAILED)]
    assert (len(mine) + len(words), len(others)) == (20, 4)
    assert words, "two nodes died for nothing"
    assert all(REASONS.search(each) and ENDS.search(each) for each in words), words
    new = {vmid: guest.name for vmid, guest in pve.cluster.guests.items() if vmid not in seeds}
    assert new.keys() == {*mine, *others}
    assert len(set(new.values())) == len(new)
    wait_until(lambda: ours.metric("server_creation_total") == before + len(new), 30, what=lambda: f"{before}, {new}")
