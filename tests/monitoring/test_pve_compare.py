"""``/pve`` and prometheus-pve-exporter look at the same cluster: what differs is on the list in docs/pve-exporter.md,
and what is on the list differs."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from servers.rotation import rotate
from servers.sync import sync_cluster
from simulator import Simulator
from tests.support.proxmox import connect
from tests.support.pve_peer import Answer, Exporter, PeerMissing, Series, program

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).parents[2] / "docs" / "pve-exporter.md"
ROW = re.compile(r"^\| (`pve_[^|]*) \| ([^|]*) \| (absent|only here) \| ([^|]*) \| [^|]+ \|$", re.M)
SUBSCRIPTION = {"status": "active", "level": "c", "nextduedate": "2027-03-01", "key": "pve2c-0123456789"}
REPLICATION = {
    "source": "pve1", "target": "pve2", "guest": 103, "vmtype": "qemu", "duration": 7.5, "last_sync": 1_790_000_000,
    "last_try": 1_790_000_900, "next_sync": 1_790_001_800, "fail_count": 1, "error": "no space left",
}  # fmt: skip
QDEVICE = {
    "Model": "Net", "Algorithm": "Fifty-Fifty split", "QNetd host": "192.0.2.9:5403", "State": "Connected",
    "Tie-breaker": "Node with lowest node ID",
}  # fmt: skip


# --- the conditions that the list speaks of, by its words


def _guest(pve: Simulator, labels: dict[str, str]):
    return pve.cluster.guests[int(labels["id"].rpartition("/")[2])]


def _shared(pve: Simulator, labels: dict[str, str]) -> bool:
    return pve.cluster.storages[labels["id"].rpartition("/")[2]].shared


def _first_node(pve: Simulator, labels: dict[str, str]) -> bool:
    return labels["id"].split("/")[1] == min(pve.cluster.nodes)


def _node_is_down(pve: Simulator, labels: dict[str, str]) -> bool:
    kind, where, *_name = labels["id"].split("/")
    return not pve.cluster.nodes[where if kind == "storage" else _guest(pve, labels).node].online


WHEN: dict[str, Callable[[Simulator, dict[str, str]], bool]] = {
    "always": lambda pve, labels: True,
    "the guest is not running": lambda pve, labels: not _guest(pve, labels).running,
    "the storage is shared and this is not its first node": (
        lambda pve, labels: _shared(pve, labels) and not _first_node(pve, labels)
    ),
    "its node is not online": _node_is_down,
    "the storage is shared and its first node is not online": (
        lambda pve, labels: _shared(pve, labels) and _first_node(pve, labels) and _node_is_down(pve, labels)
    ),
}


class Listed:
    """A row of the list."""

    def __init__(self, families: str, series: str, here: str, when: str) -> None:
        self.families, self.ids = re.findall(r"`([^`]+)`", families), re.findall(r"`([^`]+)`", series)
        self.here, self.when = here, WHEN[when.strip()]
        self.text = f"{families} {series} {here} {when}"

    def explains(self, pve: Simulator, here: str, series: Series) -> bool:
        name, labels = series[0], dict(series[1])
        return (
            self.here == here
            and any(fnmatchcase(name, one) for one in self.families)
            and any(fnmatchcase(labels.get("id", ""), one) for one in self.ids)
            and self.when(pve, labels)
        )


def listed() -> list[Listed]:
    return [Listed(*row) for row in ROW.findall(PAGE.read_text())]


def differences(ours: Answer, theirs: Answer) -> set[tuple[str, Series]]:
    """Every series that one has and the other has not, or with another value."""
    found = {("absent", one) for one in theirs.series.items() - ours.series.items()}
    found |= {("only here", one) for one in ours.series.items() - theirs.series.items()}
    return {(here, series) for here, (series, _value) in found}


# --- the clusters


def _everything(pve: Simulator) -> None:
    pve.cluster.qdevice = QDEVICE
    pve.cluster.subscriptions["pve1"] = SUBSCRIPTION
    pve.cluster.replications["103-0"] = REPLICATION


def _node_just_died(pve: Simulator) -> None:
    pve.node_offline("pve2")


def _node_died_long_ago(pve: Simulator) -> None:
    pve.node_offline("pve2")
    pve.age_offline("pve2")


def _first_node_died(pve: Simulator) -> None:
    pve.node_offline("pve1")
    pve.age_offline("pve1")


def _odd_names(pve: Simulator) -> None:
    pve.set_guest(102, name='quo"te \\ 한국어 😀', tags="a;b", hastate="error", lock="snapshot-delete")
    pve.cluster.storages["local"].active = False


CLUSTERS = {
    "in health": ({"nodes": 3}, lambda pve: None),
    "with everything": ({"nodes": 3, "version": "8.4"}, _everything),
    "a server alone": ({"nodes": 1}, lambda pve: None),
    "odd names": ({"nodes": 3}, _odd_names),
    "a node just died": ({"nodes": 3}, _node_just_died),
    "a node died long ago": ({"nodes": 3}, _node_died_long_ago),
    "the first node died": ({"nodes": 3}, _first_node_died),
}


@contextmanager
def looked_at(
    client, options: dict, prepare: Callable[[Simulator], None]
) -> Iterator[tuple[Simulator, Answer, Answer]]:
    """A cluster, what we say of it, and what the exporter says of the same moment."""
    try:
        program()
    except PeerMissing as missing:
        pytest.skip(str(missing))
    with (
        Simulator(guests=24, seed=3, **options) as pve,
        Exporter(pve.token_id, pve.token_secret) as exporter,
    ):
        prepare(pve)
        cluster = connect(pve, name=f"ours {pve.port}")
        assert not sync_cluster(cluster).error
        cluster.refresh_from_db()
        assert rotate(cluster, everything=True) == []
        local = next(node.name for node in pve.cluster.nodes.values() if node.online)
        asked = {"target": local, "module": cluster.name, "cluster": "1", "node": "1"}
        ours = client.get("/pve", asked)
        assert ours.status_code == 200, ours.content
        yield pve, Answer(ours.content.decode()), exporter.ask(target=f"127.0.0.1:{pve.port}")


def test_what_differs_is_on_the_list_and_what_is_on_the_list_differs(client, monkeypatch):
    monkeypatch.setattr("simulator.api.cluster.CACHE_SECONDS", 600.0)  # its figures move otherwise
    rows, explained, strange = listed(), set(), []
    for name, (options, prepare) in CLUSTERS.items():
        with looked_at(client, options, prepare) as (pve, ours, theirs):
            assert len(ours.series) > 300
            assert set(theirs.types.items()) - set(ours.types.items()) == {("pve_onboot_status", "gauge")}
            assert set(ours.types) <= set(theirs.types)
            for here, series in differences(ours, theirs):
                why = {row.text for row in rows if row.explains(pve, here, series)}
                explained |= why
                strange += [] if why else [(name, here, series, theirs.series.get(series), ours.series.get(series))]
    assert strange == []
    assert explained == {row.text for row in rows}


def test_the_list_is_read_whole():
    table = PAGE.read_text().partition("## What is different")[2]
    assert len(listed()) == len(re.findall(r"^\| `pve_", table, re.M)) > 8
