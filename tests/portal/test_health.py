"""``/healthz`` and ``/readyz``."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from portal import health
from tests.support.processes import Portal, wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forget_that_migrations_were_complete(monkeypatch):
    monkeypatch.setattr(health.Migrations, "_complete", False)


@pytest.fixture
def without_broker(monkeypatch):
    """These tests are about the other checks: no broker runs here."""
    monkeypatch.setattr(health.ReadyView, "checks", (health.Database, health.Migrations, health.Cache))


def test_a_living_process_says_so_without_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "alive"}


def test_ready_needs_no_login_and_names_every_check(client, without_broker):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "checks": {"database": "ok", "migrations": "ok", "redis": "ok"}}
    assert "no-store" in answer["Cache-Control"]


def test_a_missing_migration_is_not_ready(client, without_broker):
    last = MigrationRecorder(connection).migration_qs.filter(app="servers").last()
    last.delete()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "manage.py migrate" in answer.json()["checks"]["migrations"]


def test_a_broker_that_is_away_is_told_in_a_sentence(client, settings):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"].startswith("The broker of the task queue does not answer")
    assert settings.CELERY_BROKER_URL not in answer.content.decode()


@pytest.mark.real
def test_redis_gone_and_back_is_seen_by_a_running_portal():
    with Portal() as portal:
        portal.start("redis", "web")
        wait_until(lambda: portal.answers("/readyz"))
        portal.kill("redis")
        wait_until(lambda: not portal.answers("/readyz"))
        assert portal.answers("/healthz")
        portal.start("redis")
        wait_until(lambda: portal.answers("/readyz"))


@pytest.mark.real
def test_a_database_that_is_away_is_told_without_its_address():
    with Portal({"PORTAL_DATABASE_URL": "postgres://portal:s3cret@127.0.0.1:1/portal"}) as portal:
        portal.start("redis", "web")
        import requests

        answer = requests.get(portal.url + "/readyz", timeout=60)
    assert answer.status_code == 503
    assert "database does not answer" in answer.json()["checks"]["database"]
    assert "s3cret" not in answer.text
    assert "127.0.0.1" not in answer.text
