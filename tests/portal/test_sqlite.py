"""Connections to SQLite that are kept: they notice when their file is another one."""

import sqlite3
from contextlib import closing

import pytest
from django.db.utils import ConnectionHandler

from portal.lib.environment import Environment


@pytest.fixture
def kept(tmp_path, django_db_blocker):
    """The file, and a connection to it as the web server keeps one."""
    file = tmp_path / "portal.sqlite3"
    settings = Environment({}).database("PORTAL_DATABASE_URL", f"sqlite:///{file}")
    connection = ConnectionHandler({"default": settings})["default"]
    write(file, "first")
    with django_db_blocker.unblock():
        yield file, connection
        connection.close()


def write(file, word):
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute("CREATE TABLE said AS SELECT ? AS word", [word])


def read(connection):
    connection.close_if_unusable_or_obsolete()  # as Django does before each request
    with connection.cursor() as cursor:
        return cursor.execute("SELECT word FROM said").fetchone()[0]


def test_it_is_the_same_connection_in_the_next_request(kept):
    _file, connection = kept
    assert read(connection) == "first"
    opened = connection.connection
    assert read(connection) == "first"
    assert connection.connection is opened


def test_a_file_that_took_its_place_is_opened(kept):
    file, connection = kept
    assert read(connection) == "first"
    file.rename(file.with_suffix(".away"))
    write(file, "second")
    assert read(connection) == "second"
