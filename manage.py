#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys


def _without_tables(error: Exception) -> str:
    """What to do where the database has none of our tables: most likely it is another one than that of ``bin/up``."""
    from django.conf import settings

    name = settings.DATABASES["default"]["NAME"]
    return (
        f"The database of this installation ({name}) is not set up. Set PORTAL_DATA (or PORTAL_DATABASE_URL) as it was "
        f"for bin/up, or make its tables with: manage.py migrate. It says: {str(error).splitlines()[0]}"
    )


def main() -> None:
    """Run a management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError, ProgrammingError

    try:
        execute_from_command_line(sys.argv)
    except (OperationalError, ProgrammingError) as error:
        if not any(words in str(error) for words in ("no such table", "does not exist")):
            raise
        sys.exit(_without_tables(error))
    except ImproperlyConfigured as error:
        sys.exit(str(error))  # a setting or a folder is wrong: the sentence says which, a traceback would hide it


if __name__ == "__main__":
    main()
