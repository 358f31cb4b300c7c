"""Pages for what goes wrong say so in a sentence and lead back."""

import re

import pytest
from django.test import Client

from tests.support import seed

pytestmark = pytest.mark.django_db


def test_a_page_that_is_not_there_leads_back(client):
    answer = client.get("/nothing/here")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
    assert 'href="/admin/"' in answer.content.decode()


def test_a_refusal_is_a_sentence():
    answer = seed.browser("viewer").get("/admin/auth/user/")
    assert answer.status_code == 403
    assert "Ask an administrator" in answer.content.decode()


def test_a_wrong_host_names_the_setting():
    answer = Client(headers={"host": "elsewhere.example.org"}).get("/healthz")
    assert answer.status_code == 400
    assert "PORTAL_ALLOWED_HOSTS" in answer.content.decode()


def test_an_error_of_our_own_says_where_to_look(client, monkeypatch):
    def breaks(*_args, **_more):
        raise RuntimeError

    monkeypatch.setattr("portal.dashboard._content", breaks)
    browser = seed.browser("administrator")
    browser.raise_request_exception = False
    answer = browser.get("/admin/")
    assert answer.status_code == 500
    assert "The log says what" in answer.content.decode()


def test_a_new_user_may_log_in_unless_it_is_said_otherwise():
    page = seed.browser("administrator").get("/admin/auth/user/add/").content.decode()
    box = re.search(r'<input[^>]*name="is_staff"[^>]*>', page)
    assert box
    assert box[0].endswith("checked>")
