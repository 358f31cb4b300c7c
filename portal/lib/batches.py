"""Deleting many rows in short transactions, so that others who want to write have their turn in between."""

from typing import Any, Final

from django.db.models import QuerySet

SIZE: Final = 500
ROUNDS: Final = 10


def delete(rows: "QuerySet[Any]") -> int:
    """Delete these rows with all that hangs on them, a batch after the other, up to a limit. Returns how many of the
    rows themselves; whoever wants all of them calls again later."""
    done = 0
    for _round in range(ROUNDS):
        keys = list(rows.order_by().values_list("pk", flat=True)[:SIZE])
        if keys:
            rows.model._default_manager.filter(pk__in=keys).delete()
        done += len(keys)
        if len(keys) < SIZE:
            break
    return done
