"""Many rows with one statement: prepared once, executed per row by the driver.

Django's ``bulk_update`` builds a CASE per column, and it and ``bulk_create`` split at SQLite's 999 parameters. This is
what one would write by hand, and the columns of other owners are not even read.
"""

from datetime import datetime
from typing import Any, Final

from django.db import connection, models

MISSES_BEFORE_RETIREMENT: Final = 3  # complete answers in a row without a thing before it is history


def bring_in_line(
    thing: Any,
    wanted: dict[str, Any],
    moment: datetime,
    changes: list[Any] | None,
    **subject: models.Model,
) -> bool:
    """Set what differs on a node or storage, and tell a change of its status (``changes`` None: it is new, so there is
    none to tell). Returns whether anything differed."""
    from servers.models import ChangeKind, StateChange

    different = {field: value for field, value in wanted.items() if getattr(thing, field) != value}
    if "status" in different:
        if changes is not None:
            told = {"field": "status", "old": thing.status, "new": different["status"], "at": moment}
            changes.append(StateChange(cluster_id=thing.cluster_id, kind=ChangeKind.STATUS, **subject, **told))
        different["status_since"] = moment
    for field, value in different.items():
        setattr(thing, field, value)
    return bool(different)


def update_many(model: type[models.Model], rows: list[Any], columns: tuple[str, ...]) -> None:
    """Write these columns of rows that exist."""
    if not rows:
        return
    fields = [_field(model, name) for name in columns]
    assignments = ", ".join(f"{_quoted(str(field.column))} = %s" for field in fields)
    values = [[*_values(fields, row), row.pk] for row in rows]
    _execute(f"UPDATE {_quoted(model._meta.db_table)} SET {assignments} WHERE id = %s", values)  # noqa: S608 (names only)


def insert_many(model: type[models.Model], rows: list[Any]) -> None:
    """Insert rows whose keys nobody needs: the instances get none."""
    if not rows:
        return
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    names = ", ".join(_quoted(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    values = [_values(fields, row) for row in rows]
    _execute(f"INSERT INTO {_quoted(model._meta.db_table)} ({names}) VALUES ({marks})", values)  # noqa: S608 (names only)


def _values(fields: list[Any], row: models.Model) -> list[Any]:
    return [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _execute(sql: str, values: list[list[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(sql, values)
