"""The steps of a backup's age, the same in the filter and on the front page."""

from datetime import timedelta
from typing import Any, Final

from django.db.models import Max, OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from servers.models import Backup

# Key, words, and the bounds of the age in days.
BACKUP_AGES: Final[list[tuple[str, Any, int, int | None]]] = [
    ("day", _("within a day"), 0, 1),
    ("week", _("within a week"), 1, 7),
    ("old", _("older than a week"), 7, None),
]


def newest_backup() -> Subquery:
    """The moment of a server's newest existing backup; None where it has none."""
    mine = Backup.objects.filter(server=OuterRef("pk"), gone_at=None).order_by().values("server")
    return Subquery(mine.annotate(newest=Max("created_at")).values("newest"))


def backup_age(key: str) -> Q | None:
    """The condition on ``newest_backup`` for one of the steps; None for a key that is none."""
    if key == "none":
        return Q(newest_backup=None)
    for name, _words, younger, older in BACKUP_AGES:
        if name == key:
            condition = Q(newest_backup__lte=clock.now() - timedelta(days=younger)) if younger else Q()
            return condition & Q(newest_backup__gt=clock.now() - timedelta(days=older)) if older else condition
    return None
