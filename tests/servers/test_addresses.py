"""The address of a server: told by its guest agent or its container, chosen with sense, asked for rarely."""

import re
from datetime import timedelta

import pytest
import time_machine

from portal.lib import clock
from servers import addresses
from servers.addresses import GUESTS_PER_TURN, choose
from servers.admin.facts import of_server
from servers.models import Server
from servers.proxmox.types import Interface
from servers.rotation import rotate
from servers.sync import sync_cluster
from tests.servers.test_gateway import ask as ask_gateway


def cards(**named: str) -> list[Interface]:
    """Cards by name, with addresses divided by blanks; a double underscore is a hyphen."""
    return [Interface(name.replace("__", "-"), told.split()) for name, told in named.items()]


@pytest.mark.parametrize(
    ("told", "chosen"),
    [
        (cards(lo="127.0.0.1 ::1", eth0="10.20.0.11 fe80::1"), "10.20.0.11"),
        (cards(docker0="172.17.0.1", ens18="192.0.2.5"), "192.0.2.5"),
        (cards(br__0123456789ab="172.18.0.1", veth1a="172.18.0.2", eth0="10.0.0.1"), "10.0.0.1"),
        (cards(br__lan="10.0.0.7"), "10.0.0.7"),
        (cards(eth0="169.254.3.4", eth1="10.0.0.2"), "10.0.0.2"),
        (cards(eth0="2001:db8::5", eth1="10.0.0.2"), "10.0.0.2"),
        (cards(eth0="fe80::5%eth0 fd00::5 2a00:1450::5"), "2a00:1450::5"),
        (cards(eth0="fd00::5"), "fd00::5"),
        (cards(tailscale0="100.64.0.9", eth0="10.0.0.3"), "10.0.0.3"),
        (cards(wg0="10.8.0.2"), "10.8.0.2"),
        (cards(Ethernet="10.0.0.4", Loopback="127.0.0.1"), "10.0.0.4"),
        (cards(eth0="0.0.0.0 nonsense 10.0.0.8"), "10.0.0.8"),
        (cards(lo="127.0.0.1"), ""),
        ([], ""),
    ],
)
def test_the_address_that_others_can_use_is_chosen(told, chosen):
    assert choose(told) == chosen


def test_agents_and_containers_tell_their_cards(pve):
    vmid = pve.add_guest(agent=1, agent_running=True, ips=["10.1.1.1", "2001:db8::7"], node="pve1")
    box = pve.add_guest(type="lxc", ips=["10.1.1.2"], node="pve1")
    pve.cluster.guests[vmid].started -= 600
    told = ask_gateway(pve, lambda gateway: gateway.interfaces("pve1", "qemu", vmid))
    assert told[1] == Interface("eth0", ["10.1.1.1", "2001:db8::7"])
    told = ask_gateway(pve, lambda gateway: gateway.interfaces("pve1", "lxc", box))
    assert choose(told) == "10.1.1.2"


def test_a_container_of_an_old_version_tells_one_address_of_each_kind():
    from servers.proxmox.rare_answers import container_interfaces

    rows = [{"name": "eth0", "inet": "192.0.2.50/24", "inet6": "fe80::be24:11ff:fe41:57dc/64"}]
    assert choose(container_interfaces(rows)) == "192.0.2.50"
    assert container_interfaces(None) == []


# --- the rotation


@pytest.fixture
def asked(pve):
    """How many guests were asked since the last look."""

    def count() -> int:
        found = [one.path for one in pve.requests if one.path.endswith(("get-interfaces", "/interfaces"))]
        pve.requests.clear()
        return len(found)

    return count


@pytest.fixture
def synced(cluster, pve):
    """Three guests that run for a while: one with an agent, one whose agent is silent, one without any."""
    for vmid in list(pve.cluster.guests):
        pve.remove_guest(vmid)
    pve.add_guest(101, node="pve1", agent=1, agent_running=True, ips=["10.1.0.1"])
    pve.add_guest(102, node="pve1", agent=1, agent_running=False, ips=["10.1.0.2"])
    pve.add_guest(103, node="pve2", ips=["10.1.0.3"])
    pve.add_guest(104, node="pve2", type="lxc", ips=["10.1.0.4"])
    pve.add_guest(105, node="pve2", type="lxc", status="stopped", ips=["10.1.0.5"])
    for guest in pve.cluster.guests.values():
        guest.started -= 3600
    sync_cluster(cluster)
    Server.objects.update(status_since=clock.now() - timedelta(hours=1))
    return cluster


def turn(cluster, **later: float) -> None:
    with time_machine.travel(clock.now() + timedelta(**later), tick=True):
        cluster.refresh_from_db()
        addresses.collect(cluster, addresses.Endpoints(list(cluster.endpoints)))


def server(vmid: int) -> Server:
    return Server.objects.get(vmid=vmid)


def test_running_guests_are_asked_in_the_rotation_and_never_in_the_sync(synced, asked):
    assert asked() == 0
    rotate(synced, everything=True)
    assert asked() == 4
    assert (server(101).agent_address, server(104).agent_address) == ("10.1.0.1", "10.1.0.4")
    assert server(105).agent_asked_at is None


def test_silence_is_remembered_in_proxmoxs_words(synced):
    turn(synced)
    assert server(102).agent_error == "QEMU guest agent is not running"
    assert server(103).agent_error == "No QEMU guest agent configured"


@pytest.mark.parametrize(
    ("minutes", "count"),
    [(5, 0), (14, 0), (16, 2), (59, 2), (61, 3), (350, 3), (361, 4)],
)
def test_who_cannot_tell_is_asked_rarely(synced, asked, minutes, count):
    turn(synced)
    asked()
    turn(synced, minutes=minutes)
    assert asked() == count


def test_an_address_that_stays_is_asked_for_hourly(synced, asked):
    turn(synced)
    turn(synced, minutes=16)
    asked()
    turn(synced, minutes=45)
    assert asked() == 0


def test_a_new_address_is_found_and_an_old_one_survives_silence(synced, pve):
    turn(synced)
    pve.set_guest(101, ips=["10.1.0.99"])
    turn(synced, minutes=20)
    assert server(101).agent_address == "10.1.0.99"
    pve.set_guest(101, agent_running=False)
    turn(synced, hours=2)
    assert (server(101).agent_address, server(101).agent_error) == ("10.1.0.99", "QEMU guest agent is not running")


def test_a_restart_is_a_reason_to_ask_again_and_soon(synced, asked):
    turn(synced)
    asked()
    Server.objects.filter(vmid=102).update(status_since=clock.now())
    turn(synced)
    assert asked() == 1
    assert server(102).agent_due_at - clock.now() <= timedelta(minutes=1)


def test_a_turn_asks_few_and_those_with_an_exporter_first(synced, pve, asked):
    for number in range(20):
        pve.add_guest(200 + number, node="pve1", type="lxc", ips=[f"10.2.0.{number + 1}"])
    sync_cluster(synced)
    Server.objects.filter(vmid=219).update(exporter_port=9100)
    turn(synced)
    assert asked() == GUESTS_PER_TURN
    assert server(219).agent_address == "10.2.0.20"
    for _again in range(3):
        turn(synced)
    assert not Server.objects.filter(status="running", agent_asked_at=None).exists()


def test_a_missing_right_is_a_reason_and_no_error_of_the_rotation(synced, pve):
    pve.set_token_rights({"/": ["VM.Audit", "Sys.Audit"]})
    turn(synced)
    assert "Permission check failed" in server(101).agent_error
    assert server(104).agent_address == "10.1.0.4"


def test_an_agent_that_hangs_costs_one_guest_its_turn(synced, pve, monkeypatch):
    monkeypatch.setattr(addresses, "READ_SECONDS", 0.4)
    pve.misbehave("/nodes/*/qemu/101/*", "slow", seconds=2)
    turn(synced)
    assert "no answer" in server(101).agent_error
    turn(synced)
    assert server(104).agent_address == "10.1.0.4"


def test_a_guest_on_a_node_that_is_down_is_not_asked(synced, pve, asked):
    pve.node_offline("pve1")
    sync_cluster(synced)
    turn(synced)
    assert asked() == 2


# --- the server's page


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"operator_address": "db.example.org", "agent_address": "10.0.0.1"}, "db.example.org given by an operator"),
        ({"agent_address": "10.0.0.1", "agent_asked_at": clock.now()}, "10.0.0.1 told by its container"),
        ({"agent_error": "no luck", "agent_asked_at": clock.now()}, r"unknown asked .* ago: no luck$"),
        ({}, "$"),
    ],
)
def test_the_page_says_where_a_server_is_and_who_says_so(synced, columns, words):
    Server.objects.filter(vmid=104).update(**columns)
    found, *_rest = of_server(server(104))
    assert re.match(words, re.sub("<[^>]+>", "", str(dict(found)["Address"])))
