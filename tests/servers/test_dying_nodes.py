"""A node dies while a server is made there: it is given up soon, said, and what is left is removed when it is back."""

from datetime import timedelta

import pytest

from portal.lib import clock
from servers import leftovers
from servers.models import Operation, OperationState, Server
from servers.operations import Refusal, step
from servers.plans.create import STAGES
from servers.plans.creating.fitting import FirstStart
from servers.plans.creating.making import MAKE
from servers.requesting import ask_to_remove_rest, try_again
from servers.sync import sync_cluster
from tests.support.creating import ask_for, created, drive, of_ours, template_of, vm

pytestmark = pytest.mark.django_db
CONFIGURE = (MAKE + 1, OperationState.QUEUED)
START = (next(n for n, one in enumerate(STAGES) if isinstance(one, FirstStart)), OperationState.RUNNING)


@pytest.fixture(autouse=True)
def _soon(settings):
    settings.PORTAL_NODE_PATIENCE_SECONDS = 0.2


@pytest.fixture
def away(known):
    """A node that is not the template's."""
    return next(name for name in ("pve1", "pve2", "pve3") if name != template_of(known).node.name)


def broken_at(stage, pve, known, ada, away, **more):
    """A creation whose node dies at that stage and state, driven to its end."""
    (operation,) = ask_for(ada, known, vm(known, "web-01", away, **more))
    drive(operation, until=lambda rows: (rows[0].stage, rows[0].state) == stage)
    pve.node_offline(away)
    return drive(operation)[0]


def come_back(pve, known, node):
    """The node is there again, a sync has seen it, and some time has passed. The clean-ups that were asked for."""
    pve.node_online(node)
    sync(known)
    before = list(Operation.objects.values_list("pk", flat=True))
    leftovers.clear(clock.now() + timedelta(seconds=11))
    return list(Operation.objects.exclude(pk__in=before))


def sync(known):
    known.refresh_from_db()
    return sync_cluster(known)


@pytest.mark.parametrize("stage", [CONFIGURE, START])
def test_what_is_left_on_a_dead_node_is_named_and_removed_when_it_is_back(pve, known, ada, away, stage):
    before = created(known)
    operation = broken_at(stage, pve, known, ada, away)
    assert operation.state == OperationState.FAILED
    assert f"Node {away} does not answer" in operation.message
    assert f"guest 100000 on node {away} is left" in operation.message
    (cleaning,) = drive(*come_back(pve, known, away))
    assert (cleaning.state, cleaning.retry_of) == (OperationState.FAILED, operation)
    assert "(guest 100000) was removed" in cleaning.message
    sync(known)
    assert (of_ours(pve), created(known)) == ({}, before)


def test_what_is_left_is_no_server_as_long_as_the_portal_is_at_it(pve, known, ada, away):
    broken_at(CONFIGURE, pve, known, ada, away)
    sync(known)
    assert not Server.objects.filter(vmid=100_000).exists()
    Operation.objects.update(finished_at=clock.now() - timedelta(hours=13))
    sync(known)  # it is still there, and nobody cares for it: then it is shown
    assert Server.objects.get(vmid=100_000).operations.get().kept["left"]


def test_the_list_of_operations_shows_of_which_something_is_left(pve, known, ada, away, client):
    broken_at(CONFIGURE, pve, known, ada, away)
    drive(*ask_for(ada, known, vm(known, "web-02", template_of(known).node.name)))
    client.force_login(ada)
    page = client.get("/admin/servers/operation/?state=left").content.decode()
    assert ("web-01" in page, "web-02" in page) == (True, False)
    assert f"on node {away} is left" in page


def test_nothing_is_removed_while_its_node_is_away(pve, known, ada, away):
    broken_at(CONFIGURE, pve, known, ada, away)
    sync(known)
    assert leftovers.clear(clock.now() + timedelta(hours=1)) == 0
    with pytest.raises(Refusal, match="has to be removed first"):
        try_again(Operation.objects.get(), ada)


def test_what_resists_is_left_to_a_person_in_the_end(pve, known, ada, away):
    operation = broken_at(CONFIGURE, pve, known, ada, away)
    Operation.objects.update(kept={**operation.kept, "tries": leftovers.TRIES})
    assert come_back(pve, known, away) == []
    (last,) = drive(ask_to_remove_rest(operation, ada))
    assert "was removed" in last.message
    with pytest.raises(Refusal):
        ask_to_remove_rest(operation, ada)


def test_nothing_is_made_on_a_node_that_is_known_to_be_down(pve, known, ada, away):
    (operation,) = ask_for(ada, known, vm(known, "web-01", away))
    pve.node_offline(away)
    sync(known)
    drive(operation)
    assert operation.message == f"Node {away} is not online. Nothing of it is left in Proxmox."
    assert not of_ours(pve)


def test_a_copy_that_broke_off_with_its_templates_node_is_found_there(pve, known, ada, away):
    home = template_of(known).node.name
    pve.fail_task("qmclone", "node")
    (operation,) = drive(*ask_for(ada, known, vm(known, "web-01", away)))
    assert f"guest 100000 on node {home} is left" in operation.message
    (cleaning,) = come_back(pve, known, home)
    drive(cleaning, until=lambda rows: rows[0].waiting_for)
    assert "VM is locked (clone)" in cleaning.waiting_for
    pve.set_guest(100_000, lock="")  # as somebody does with "qm unlock"
    drive(cleaning)
    assert "(guest 100000) was removed" in cleaning.message
    assert not of_ours(pve)


def test_a_copy_whose_answer_was_lost_is_waited_for_on_its_templates_node(pve, known, ada, away):
    pve.slow_tasks(40, "qmclone")
    (operation,) = ask_for(ada, known, vm(known, "web-01", away))
    drive(operation, until=lambda rows: rows[0].upid)
    Operation.objects.filter(pk=operation.pk).update(state="settling", upid="", task_ended_at=clock.now())
    drive(operation, until=lambda rows: rows[0].steps > 4)
    assert (operation.stage, operation.state) == (MAKE, OperationState.SETTLING)
    pve.mend_tasks()
    assert drive(operation)[0].state in (OperationState.SUCCEEDED, OperationState.WARNINGS)


def test_a_template_is_free_for_the_next_one_when_its_copy_is_made(pve, known, ada, away):
    first, second = ask_for(ada, known, vm(known, "web-01", away), vm(known, "web-02", template_of(known).node.name))
    drive(first, until=lambda rows: rows[0].stage == MAKE and rows[0].state == OperationState.SETTLING)
    pve.node_offline(away)  # so that nobody can tell whether the first one is well
    drive(second, until=lambda rows: rows[0].stage > MAKE)
    assert second.stage > MAKE


@pytest.mark.parametrize(("minutes", "state"), [(0, OperationState.RUNNING), (11, OperationState.LOST)])
def test_patience_begins_with_the_trouble_and_not_with_the_work(pve, known, ada, minutes, state):
    """A copy of two hours is not given up because one question about it was lost."""
    (operation,) = ask_for(ada, known, vm(known, "web-01"))
    drive(operation, until=lambda rows: rows[0].upid)
    long_ago, trouble = clock.now() - timedelta(hours=2), clock.now() - timedelta(minutes=minutes)
    Operation.objects.update(sent_at=long_ago, sending_at=long_ago, steps=0, trouble_since=trouble, due_at=clock.now())
    pve.misbehave("/nodes/*/tasks/*", "reset")
    step(Operation.objects.select_related("server__node", "cluster").get())
    operation.refresh_from_db()
    assert (operation.state == OperationState.RUNNING) == (state == OperationState.RUNNING)
