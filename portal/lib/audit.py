"""The audit trail: what ``.update()`` and buttons did, beside what auditlog sees by itself in ``save()``."""

from collections.abc import Mapping
from datetime import datetime

from auditlog.models import LogEntry
from django.core.exceptions import FieldDoesNotExist
from django.db.models import BooleanField, Field, Model
from django.utils.translation import gettext as _

HIDDEN = "••••••"


def hide(_value: str) -> str:
    """What the audit trail shows of a secret: that it was changed, and nothing of it."""
    return HIDDEN


def note(subject: Model, changes: Mapping[str, tuple[object, object]]) -> None:
    """Write one entry with old and new values. The person is whoever made the request that is being served."""
    LogEntry.objects.log_create(
        subject,
        action=LogEntry.Action.UPDATE,
        changes={name: [str(old), str(new)] for name, (old, new) in changes.items()},
    )


def deleted(subject: Model, columns: Mapping[str, object]) -> None:
    """Write one entry for something that is about to be deleted, with what it was."""
    LogEntry.objects.log_create(
        subject,
        action=LogEntry.Action.DELETE,
        changes={name: [str(value), ""] for name, value in columns.items()},
    )


def entries(subject: Model, limit: int) -> list[tuple[datetime, str, dict[str, tuple[object, object]]]]:
    """The newest entries about it: when, who ('' for none of the people), old and new values by column."""
    rows = LogEntry.objects.get_for_object(subject).filter(action=LogEntry.Action.UPDATE).select_related("actor")
    return [
        (row.timestamp, row.actor.get_username() if row.actor else "", _pairs(row.changes or {}))
        for row in rows.order_by("-timestamp")[:limit]
    ]


def column(model: type[Model] | None, name: str) -> str:
    """The column's name as forms call it; as it is written where there is no such column (any more)."""
    return str(getattr(_field(model, name), "verbose_name", name))


def value(model: type[Model] | None, name: str, text: str) -> str:
    """What an entry says of that column, in the reader's language where it is a choice or a yes or no."""
    field = _field(model, name)
    if isinstance(field, BooleanField):
        return {"True": _("yes"), "False": _("no")}.get(text, text)
    return str(dict(field.flatchoices).get(text, text)) if isinstance(field, Field) else text


def _field(model: type[Model] | None, name: str) -> object:
    try:
        return model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        return None


def _pairs(changes: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    return {name: (pair[0], pair[1]) for name, pair in changes.items() if isinstance(pair, list) and len(pair) == 2}
