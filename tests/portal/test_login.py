"""Guessing passwords is slow, and keeps nobody out but the one who guesses."""

import pytest
from django.core.cache import cache
from django.test import override_settings

from portal import login
from tests.support import seed

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
WAIT = "Too many wrong passwords: wait 5 minutes"


@pytest.fixture
def person():
    return seed.make_user("viewer", name="kim")


def attempt(client, password, name="kim", **meta):
    return client.post(LOGIN, {"username": name, "password": password}, **meta)


def guess(client, times, name="kim", **meta):
    for _ in range(times):
        page = attempt(client, "wrong", name, **meta).content.decode()
    return page


def test_after_some_wrong_passwords_the_right_one_has_to_wait_too(person, client):
    assert WAIT not in guess(client, login.OF_A_NAME)
    assert WAIT in attempt(client, "pass").content.decode()
    cache.clear()  # five minutes later
    assert attempt(client, "pass").status_code == 302


def test_upper_case_is_no_other_person(person, client):
    guess(client, login.OF_A_NAME, "KIM")
    assert WAIT in attempt(client, "pass").content.decode()


def test_guessing_from_elsewhere_keeps_nobody_out(person, client):
    guess(client, login.OF_A_NAME + 1, REMOTE_ADDR="203.0.113.9")
    assert attempt(client, "pass").status_code == 302


def test_one_address_may_not_try_every_name(person, client):
    for number in range(login.OF_AN_ADDRESS):
        guess(client, 1, f"name-{number}")
    assert WAIT in attempt(client, "pass").content.decode()


def test_a_good_login_begins_the_count_anew(person, client):
    guess(client, login.OF_A_NAME - 1)
    assert attempt(client, "pass").status_code == 302
    client.logout()
    assert WAIT not in guess(client, login.OF_A_NAME - 1)


def test_a_header_is_believed_only_behind_our_proxy(rf, settings):
    request = rf.get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="1.1.1.1, 203.0.113.9")
    assert login.address_of(request) == "127.0.0.1"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert login.address_of(request) == "203.0.113.9"
    request.META["HTTP_X_FORWARDED_FOR"] = "2001:db8:1:2:3:4:5:6"
    assert login.address_of(request) == "2001:0db8:0001:0002"


def test_without_a_cache_people_still_get_in(person, client):
    away = {"default": {"BACKEND": "portal.lib.cache.RedisCache", "LOCATION": "unix:///nowhere/redis.sock"}}
    with override_settings(CACHES=away):
        guess(client, login.OF_A_NAME + 1)
        assert attempt(client, "pass").status_code == 302
