"""docs/architecture.md, CONTRIBUTING.md and the pictures say what is so."""

import re

import pytest
from django.apps import apps

from monitoring.models import Incident, hooks
from notifications.models import Delivery, DeliveryState, delivery
from notifications.tasks import BEAT as NOTIFICATIONS_BEAT
from portal.celery import APPS_WITH_A_BEAT
from portal.celery import app as celery
from servers import rotation
from servers.models import Cluster, Operation, OperationState, Server, cluster, operation
from tests.support.processes import BASE
from tests.support.screenshots import IMAGES, KEPT, MOST_BYTES

ARCHITECTURE = (BASE / "docs" / "architecture.md").read_text()
PAGES = [
    "CONTRIBUTING.md",
    "docs/architecture.md",
    *sorted(f"docs/decisions/{p.name}" for p in BASE.glob("docs/decisions/*.md")),
]
OWNED = [Cluster, Server, Operation, Incident, Delivery]


def section(title):
    """The text below a heading of docs/architecture.md, up to the next one."""
    return re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", ARCHITECTURE, re.DOTALL | re.MULTILINE).group(1)


def table(title):
    """The cells of the table below a heading, without its head."""
    rows = re.findall(r"^\| (.+) \|$", section(title), re.MULTILINE)[1:]
    return [row.split(" | ") for row in rows]


def words(cell):
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


# --- rows ----------------------------------------------------------------------------------------------------------
def test_every_model_is_named_and_no_other():
    ours = {
        model.__name__ for name in ("portal", *APPS_WITH_A_BEAT) for model in apps.get_app_config(name).get_models()
    }
    assert {words(row[0])[0] for row in table("Rows")} == ours


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
def test_every_column_has_one_owner(model):
    named = [column for row in table(model.__name__) for column in words(row[1])]
    assert sorted(named) == sorted(field.name for field in model._meta.concrete_fields)


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
def test_every_owner_is_explained(model):
    explained = {row[0] for row in table("Who owns which column")}
    assert {row[0] for row in table(model.__name__)} <= explained


# --- the clock -----------------------------------------------------------------------------------------------------
def test_every_beat_entry_is_named_with_its_task_and_no_other():
    celery.finalize()
    entries = {(name, entry["task"]) for name, entry in celery.conf.beat_schedule.items()}
    assert {(words(row[0])[0], words(row[1])[0]) for row in table("The clock")} == entries
    assert {name for name, _task in entries} > set(NOTIFICATIONS_BEAT)


# --- claims and states ---------------------------------------------------------------------------------------------
def test_claims_last_as_long_as_they_say():
    lasting = {row[0]: int(row[2]) for row in table("Claims and leases")}
    assert lasting == {
        "sync of a cluster": cluster.LEASE.total_seconds(),
        "rotation of a cluster": rotation.LEASE.total_seconds(),
        "step of an operation": operation.CLAIM.total_seconds(),
        "kept message of a webhook": hooks.CLAIM.total_seconds(),
        "delivery": delivery.CLAIM.total_seconds(),
    }


def test_the_moves_of_an_operation_are_those_of_its_table():
    moves = {words(row[0])[0]: set(words(row[1])) for row in table("The states of an operation")}
    assert moves == {str(old): {str(new) for new in news} for old, news in Operation.MOVES.items()}
    assert {str(state) for state in OperationState.values} == set(moves).union(*moves.values())


def test_the_moves_of_a_delivery_are_those_that_the_code_allows():
    moves = {(words(row[0])[0], words(row[1])[0]) for row in table("The states of a delivery")}
    by_hand = {old for old, new in moves if new == DeliveryState.DISMISSED and old != DeliveryState.SENDING}
    assert by_hand == set(delivery.DISMISSABLE)
    assert {old for old, new in moves if new == DeliveryState.QUEUED} == set(delivery.RESENDABLE)
    assert {old for old, new in moves if new == DeliveryState.SENDING} == set(delivery.PENDING)
    assert {state for move in moves for state in move} == set(DeliveryState.values)


# --- paths, links, commands ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", PAGES)
def test_what_it_points_to_exists(page):
    text = (BASE / page).read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)]
    missing = {link for link in links if not ((BASE / page).parent / link).exists()}
    roots = "portal|servers|monitoring|notifications|simulator|tests|bench|docs|deploy"
    named = re.findall(rf"`((?:{roots})/[\w/.-]*)(?: : (\w+))?`", text)
    missing |= {path for path, _name in named if not (BASE / path).exists()}
    missing |= {f"{path}: {name}" for path, name in named if name and name not in (BASE / path).read_text()}
    assert missing == set()


def test_its_table_of_contents_is_whole():
    contents = re.findall(r"^\d+\. \[(.+)\]\(#(.+)\)$", ARCHITECTURE, re.MULTILINE)
    assert [title for title, _anchor in contents] == re.findall(r"^## (.+)$", ARCHITECTURE, re.MULTILINE)
    assert all(anchor == title.lower().replace(" ", "-") for title, anchor in contents)


def test_every_decision_is_linked_and_says_its_price():
    for path in BASE.glob("docs/decisions/*.md"):
        assert f"decisions/{path.name}" in ARCHITECTURE
        assert [
            part
            for part in ("**Problem.**", "**Decision.**", "**Price.**", "**Kept by**")
            if part not in path.read_text()
        ] == []


# --- pictures ------------------------------------------------------------------------------------------------------
def test_the_pictures_are_those_that_the_command_takes_and_are_small():
    wanted = {f"{name}{suffix}.png" for name, suffixes in KEPT.items() for suffix in suffixes}
    assert {path.name for path in IMAGES.iterdir()} == wanted
    assert {path.name for path in IMAGES.iterdir() if path.stat().st_size > MOST_BYTES} == set()


def test_every_picture_that_a_page_shows_is_taken():
    pages = [BASE / "README.md", *BASE.glob("docs/**/*.md")]
    shown = {name for page in pages for name in re.findall(r"images/([\w-]+\.png)", page.read_text())}
    assert {name for name in shown if not (IMAGES / name).exists()} == set()
    assert (BASE / "bin" / "screenshots").stat().st_mode & 0o100
