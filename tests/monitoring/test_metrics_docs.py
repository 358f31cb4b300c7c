"""docs/metrics.md and the portal name the same families, with the same types and labels."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from monitoring.queue_metrics import note_tick
from portal.lib import clock
from tests.monitoring.inventory import seed_everything
from tests.monitoring.load import scrape
from tests.support.processes import Portal

PAGE = Path(__file__).parent.parent.parent / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| (gauge|counter|histogram) \| ([\w, ]*)\| (.+) \|([^|]*)\|$", re.M)


@dataclass(frozen=True)
class Described:
    """A row of the page's tables."""

    type: str
    labels: frozenset[str]
    source: str


def described() -> dict[str, Described]:
    """Every family that the page names."""
    rows = ROW.findall(PAGE.read_text())
    assert len(rows) == len({name for name, *_rest in rows}), "a family is described twice"
    return {
        name: Described(kind, frozenset(word.strip() for word in labels.split(",") if word.strip()), source.strip())
        for name, kind, labels, _meaning, source in rows
    }


def types(text: str) -> dict[str, str]:
    """The families of a page, by the names in its TYPE lines."""
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))


@pytest.mark.django_db
def test_every_family_is_described_with_its_type(client):
    seed_everything()
    note_tick(clock.now())
    client.get("/")
    page = types(client.get("/metrics").content.decode())
    assert page == {name: row.type for name, row in described().items()}


@pytest.mark.django_db
def test_every_label_is_described(admin_client):
    seed_everything()
    admin_client.get("/admin/")
    rows = described()
    for family in text_string_to_metric_families(admin_client.get("/metrics").content.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == rows[name].labels, sample


@pytest.mark.real
def test_two_running_workers_export_what_is_described_and_nothing_else():
    with Portal(static=False) as portal:
        portal.start("redis", "web")
        portal.python("from tests.monitoring.inventory import seed_everything; seed_everything()")
        requests.get(f"{portal.url}/admin/login/", timeout=20)
        live, rows = types(scrape(portal.url)), described()
    assert set(live) <= {name for name, row in rows.items() if row.source != "single"}
    assert {name for name, row in rows.items() if row.source not in ("single", "first")} <= set(live)
    assert all(rows[name].type == kind for name, kind in live.items())
