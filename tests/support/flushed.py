"""A transactional test empties every table when it is over: what migrations had put there comes back before the next.

pytest-django runs such tests last, but whoever deals whole files out to several processes undoes that.
"""

import pytest
from pytest_django.plugin import DjangoDbBlocker, blocking_manager_key

EMPTYING = {"transactional_db", "live_server"}


class Kept:
    """What migrations made, in this process's database."""

    rows = ""
    lost = False


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """pytest-django's, and what the database holds afterwards is kept."""
    from django.db import connection

    with django_db_blocker.unblock():
        Kept.rows = connection.creation.serialize_db_to_string()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Bring back what is gone, before a transaction is opened around the test."""
    if Kept.lost:
        with item.config.stash[blocking_manager_key].unblock():
            _restore()
    Kept.lost = _is_transactional(item)


def _is_transactional(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("django_db")
    return bool(mark and mark.kwargs.get("transaction")) or bool(EMPTYING & set(getattr(item, "fixturenames", ())))


def _restore() -> None:
    from auditlog.context import disable_auditlog
    from django.core.management import call_command
    from django.db import connection

    # Emptying made the permissions again, under other numbers than those that the roles name.
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False, inhibit_post_migrate=True)
    with disable_auditlog():
        connection.creation.deserialize_db_from_string(Kept.rows)
