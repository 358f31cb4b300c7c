"""Many rows with one statement."""

from typing import Any, Final

MISSES_BEFORE_RETIREMENT: Final = 3  # complete answers in a row without a thing before it is history


def upsert(model: type[Any], rows: list[Any], columns: tuple[str, ...]) -> None:
    """Write these columns of many rows with one statement: an INSERT whose every row conflicts on its key."""
    if rows:
        model.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=list(columns), batch_size=2000
        )
