"""A kept connection goes on with the file that it opened, also when that one was moved away or replaced by another, as
by somebody who brings a backup back. Django asks ``is_usable`` once per request (``CONN_HEALTH_CHECKS``): its own
answer for SQLite is always yes, ours is whether the file is still the one that was opened.
"""

from pathlib import Path
from typing import Any

from django_prometheus.db.backends.sqlite3 import base

Identity = tuple[int, int] | None


def _identity(name: Any) -> Identity:
    """What tells a file from another one of its name; None where there is none, as in memory."""
    try:
        found = Path(str(name)).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend, which remembers what file it opened."""

    _opened: Identity = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the file."""
        opened = super().get_new_connection(conn_params)
        self._opened = _identity(self.settings_dict["NAME"])
        return opened

    def is_usable(self) -> bool:
        """Whether the file of that name is the one that was opened."""
        return self._opened == _identity(self.settings_dict["NAME"])
