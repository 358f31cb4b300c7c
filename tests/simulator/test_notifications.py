"""Targets, matchers, and what is sent to whom: the requests are real."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from simulator import Simulator
from simulator.notifying import fill
from tests.simulator.conftest import Client, until
from tests.support.receivers import HttpReceiver

BASE = "/cluster/notifications"
HOOKS, MATCHERS = f"{BASE}/endpoints/webhook", f"{BASE}/matchers"
BODY = '{"title": {{ json title }}, "message": {{ json message }}, "fields": {{ json fields }}, "at": {{ timestamp }}}'


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def pair(name: str, text: str) -> str:
    return f"name={name},value={coded(text)}"


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture
def target(pve: Simulator, client: Client, receiver: HttpReceiver) -> Iterator[str]:
    header = [pair("Authorization", "Bearer {{ secrets.token }}"), pair("X-Kind", "{{ severity }}")]
    given = {"method": "post", "url": f"{receiver.url}/hook", "body": coded(BODY), "header": header}
    answer = client.post(HOOKS, name="portal", secret=pair("token", "s3cret"), **given)
    assert answer.status_code == 200, answer.reason
    yield "portal"
    pve.cluster.notifications.restore({})
    pve.cluster.notifications.sent.clear()


def test_a_target_shows_everything_but_its_secrets(client: Client, target: str) -> None:
    row = client.get(f"{HOOKS}/{target}")
    assert row["secret"] == ["name=token"]
    assert "s3cret" not in str(client.get(HOOKS)) + str(row)
    assert {row["name"]: row["type"] for row in client.get(f"{BASE}/targets")}["portal"] == "webhook"


def test_a_test_arrives_with_its_templates_filled(client: Client, target: str, receiver: HttpReceiver) -> None:
    assert client.post(f"{BASE}/targets/{target}/test").status_code == 200
    (request,) = receiver.requests
    assert (request.headers["Authorization"], request.headers["X-Kind"]) == ("Bearer s3cret", "info")
    assert json.loads(request.body)["title"] == "Test notification"


def test_a_test_that_is_refused_says_so_without_the_secret(client: Client, target: str, receiver: HttpReceiver) -> None:
    receiver.answers.append(401)
    answer = client.post(f"{BASE}/targets/{target}/test")
    assert (answer.status_code, "status code 401" in answer.reason) == (500, True)
    client.ask("PUT", f"{HOOKS}/{target}", data={"url": "http://127.0.0.1:9/s3cret"})
    answer = client.post(f"{BASE}/targets/{target}/test")
    assert answer.status_code == 500
    assert "s3cret" not in answer.reason


def test_nothing_is_sent_without_a_matcher(pve: Simulator, client: Client, target: str, receiver: HttpReceiver) -> None:
    pve.notify("system-mail", "disk")
    assert not pve.cluster.notifications.sent
    client.post(MATCHERS, name="all", target=target)
    pve.notify("system-mail", 'a "quoted" disk', hostname="pve1", job_id="x")
    body = until(lambda: receiver.bodies and receiver.bodies[0])
    assert (body["title"], body["fields"]["job-id"]) == ('a "quoted" disk', "x")


@pytest.mark.parametrize(
    ("rules", "arrives"),
    [
        ({}, True), ({"match-severity": "error"}, False), ({"match-severity": "info,error"}, True),
        ({"match-field": "exact:type=fencing,vzdump"}, True), ({"match-field": "regex:hostname=^pve2"}, False),
        ({"match-field": "exact:job-id=x"}, False), ({"match-severity": "error", "invert-match": 1}, True),
        ({"match-severity": "error", "match-field": "exact:type=vzdump", "mode": "any"}, True), ({"disable": 1}, False),
    ],
)  # fmt: skip
def test_matchers_match(pve: Simulator, client: Client, target: str, rules: dict, arrives: bool) -> None:
    client.post(MATCHERS, name="some", target=target, **rules)
    before = len(pve.cluster.notifications.sent)
    pve.notify("vzdump", "done", hostname="pve1")
    client.post(f"{BASE}/targets/{target}/test")
    sent = until(lambda: len(pve.cluster.notifications.sent) - before >= 1 + arrives and pve.cluster.notifications.sent)
    assert ("portal", "done", "") in list(sent)[before:] or not arrives
    assert len(sent) - before == 1 + arrives


def test_a_backup_tells_how_each_guest_fared(
    pve: Simulator, client: Client, target: str, receiver: HttpReceiver, vm: int
) -> None:
    client.post(MATCHERS, name="all", target=target)
    locked = pve.add_guest(name="locked one", node="pve1", lock="migrate")
    client.run("/nodes/pve1/vzdump", vmid=f"{vm},{locked}", storage="local")
    body = until(lambda: receiver.bodies and receiver.bodies[0])
    assert body["title"].endswith("backup failed")
    lines = body["message"].splitlines()
    assert any(line.startswith(f"{vm} ") and " ok " in line for line in lines)
    assert any(line.startswith(f"{locked} ") and " err " in line for line in lines)
    assert f"ERROR: Backup of VM {locked} failed - VM is locked (migrate)" in body["message"]
    pve.remove_guest(locked)


def test_fencing_names_the_node(pve: Simulator, client: Client, target: str, receiver: HttpReceiver) -> None:
    client.post(MATCHERS, name="all", target=target)
    pve.fence("pve3")
    body = until(lambda: receiver.bodies and receiver.bodies[0])
    pve.node_online("pve3")
    assert body["title"] == "FENCE: Try to fence node 'pve3'"
    assert body["fields"] == {"type": "fencing", "hostname": "pve3"}


def test_names_and_references_are_kept_whole(client: Client, target: str) -> None:
    assert client.post(MATCHERS, name=target, target=target).status_code == 400
    assert client.post(MATCHERS, name="m1", target="nobody").status_code == 404
    client.post(MATCHERS, name="m1", target=target)
    answer = client.ask("DELETE", f"{HOOKS}/{target}")
    assert (answer.status_code, answer.reason) == (400, "cannot delete 'portal', referenced by: m1")
    assert client.ask("DELETE", f"{MATCHERS}/m1").status_code == 200
    assert client.ask("DELETE", f"{HOOKS}/{target}").status_code == 200
    assert client.ask("GET", f"{HOOKS}/{target}").status_code == 404


def test_a_target_needs_two_rights(pve: Simulator, client: Client) -> None:
    given = {"name": "x1", "method": "post", "url": "http://127.0.0.1/"}
    pve.set_token_rights({"/": ["Sys.AccessNetwork"]})
    answer = client.post(HOOKS, **given)
    assert (answer.status_code, "Mapping.Modify" in answer.reason) == (403, True)
    pve.set_token_rights({"/mapping/notifications": ["Mapping.Modify"]})
    answer = client.post(HOOKS, **given)
    assert (answer.status_code, "Sys.AccessNetwork" in answer.reason) == (403, True)


def test_older_versions_have_no_webhooks() -> None:
    with Simulator(guests=0, nodes=1, version="8.2.4") as old:
        client = Client(old)
        assert client.ask("GET", HOOKS).status_code == 501
        assert client.ask("GET", MATCHERS).status_code == 200


def test_a_helper_fails_where_json_does_not() -> None:
    assert fill("{{ json fields.x }} {{url-encode title}}", {"fields": {}, "title": "a b/c"}) == "null a%20b%2Fc"
    with pytest.raises(ValueError, match="escape"):
        fill("{{ escape fields.x }}", {"fields": {}})
