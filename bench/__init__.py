"""What the benchmarks share."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def prepare() -> None:
    """Django on a new database, with the cache in memory."""
    folder = tempfile.mkdtemp(prefix="pm-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder, "static").mkdir()
    os.environ.update(
        PORTAL_DATA=folder, PORTAL_ENV_FILE=f"{folder}/none.env", DJANGO_SETTINGS_MODULE="portal.settings",
        PORTAL_LOG_LEVEL="CRITICAL", PORTAL_ALLOWED_HOSTS="testserver",
    )  # fmt: skip
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    django.setup()
    call_command("migrate", verbosity=0)
