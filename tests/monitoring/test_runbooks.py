"""A rule that fires leads to a page that says what to do."""

import pytest

from monitoring import runbooks
from tests.support import seed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", sorted(runbooks.names()))
def test_each_runbook_is_a_page_that_says_what_to_do(name):
    text = seed.browser("viewer").get(f"/runbooks/{name}/").content.decode()
    assert name in text
    places = [text.index(f"<h2>{title}</h2>") for title in ("What it means", "What to look at", "What to do")]
    assert places == sorted(places)


@pytest.mark.parametrize("name", sorted(runbooks.names()))
def test_runbooks_lead_to_runbooks_that_are_there(name):
    browser = seed.browser("viewer")
    text = browser.get(f"/runbooks/{name}/").content.decode()
    assert ".md" not in text
    links = {word.partition('/"')[0] for word in text.split('href="../')[1:]}
    assert links <= set(runbooks.names())


@pytest.mark.parametrize("name", ["Nothing", "..", "README", "%2e%2e%2fmetrics"])
def test_what_is_no_runbook_is_not_found(name):
    assert seed.browser("viewer").get(f"/runbooks/{name}/").status_code == 404


def test_a_stranger_is_asked_to_log_in(client):
    answer = client.get("/runbooks/GuestDown/")
    assert answer.status_code == 302
    assert answer.url.startswith("/admin/login/")
