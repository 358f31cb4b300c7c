"""The weekly review: signed with name and date, never changed, asked for again after a week."""

from datetime import timedelta

import pytest
from auditlog.models import LogEntry

from monitoring import stack_facts
from monitoring.models import Review
from monitoring.stack import review_check
from monitoring.stack_verdicts import State
from portal.lib import clock
from tests.monitoring.test_stack import facts
from tests.support import seed

pytestmark = pytest.mark.django_db
URL = "/admin/monitoring/review/"
ALL = {"retention_checked": "on", "rules_reviewed": "on", "dashboards_reviewed": "on"}


@pytest.fixture(autouse=True)
def _stack_is_well(monkeypatch):
    monkeypatch.setattr(stack_facts, "gather", facts)


def signed(days):
    return Review.objects.create(signer="ada", signed_at=clock.now() - timedelta(days=days))


def test_a_review_is_signed_with_name_and_date():
    client = seed.browser("operator")
    client.post(f"{URL}add/", {**ALL, "note": "메모"})
    review = Review.objects.get()
    assert (review.signer, review.note) == (review.signed_by.username, "메모")
    assert clock.now() - review.signed_at < timedelta(minutes=1)
    assert LogEntry.objects.get_for_object(review).count() == 1


@pytest.mark.parametrize("left_out", ALL)
def test_half_a_review_is_none(left_out):
    page = seed.browser("operator").post(f"{URL}add/", {name: "on" for name in ALL if name != left_out})
    assert "Look at it and tick it" in page.content.decode()
    assert not Review.objects.exists()


def test_nobody_signs_with_another_name_or_date():
    seed.browser("operator").post(f"{URL}add/", {**ALL, "signer": "eve", "signed_at_0": "2001-01-01"})
    assert Review.objects.get().signer != "eve"
    assert Review.objects.get().signed_at.year > 2001


def test_the_checklist_stands_below_what_the_programs_say():
    page = seed.browser("operator").get(f"{URL}add/").content.decode()
    assert "Prometheus keeps 30 days and 10 GB" in page


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 302), ("administrator", 302)])
def test_viewers_read_and_do_not_sign(role, status):
    client = seed.browser(role)
    assert client.post(f"{URL}add/", ALL).status_code == status
    assert client.get(URL).status_code == 200


def test_a_signature_stays():
    review, client = signed(1), seed.browser("administrator")
    page = client.get(f"{URL}{review.pk}/change/").content.decode()
    assert "ada" in page
    client.post(f"{URL}{review.pk}/change/", {**ALL, "note": "changed"})
    assert client.post(f"{URL}{review.pk}/delete/", {"post": "yes"}).status_code == 403
    review.refresh_from_db()
    assert review.note == ""


def test_the_name_stays_when_the_account_goes():
    person = seed.make_user("operator", name="leaver")
    review = Review.objects.create(signer="leaver", signed_by=person)
    person.delete()
    review.refresh_from_db()
    assert (review.signer, review.signed_by) == ("leaver", None)


@pytest.mark.parametrize(("days", "state"), [(0, State.OK), (6.9, State.OK), (7.1, State.WARNING)])
def test_it_is_due_again_after_a_week(days, state):
    signed(30)
    signed(days)
    assert review_check(clock.now()).state == state


def test_a_review_that_nobody_signed_is_due():
    assert review_check(clock.now()).state == State.WARNING
