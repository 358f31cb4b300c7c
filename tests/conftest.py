"""What all tests share. Everything lives in a folder of its own, so a test run never touches an installation."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import django
import django.db

# Processes of one run share the first one's folder: it goes with that one, even if they are ended in a hurry.
DATA = Path(tempfile.mkdtemp(prefix="pm-test-", dir=os.environ.get("PM_TEST_FOLDER")))
os.environ["PM_TEST_FOLDER"] = str(DATA)
(DATA / "static").mkdir()  # where WhiteNoise looks for collected files
os.environ.update(PORTAL_DATA=str(DATA), PORTAL_ENV_FILE=str(DATA / "none.env"))
for name in [
    name for name in os.environ if name.startswith("PORTAL_") and name not in {"PORTAL_DATA", "PORTAL_ENV_FILE"}
]:
    del os.environ[name]
# Here and not in pyproject.toml: pytest-django would load the settings before the folder above is known.
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
django.setup()
if (database := django.db.connection).vendor == "sqlite":
    # Said aloud: under xdist, pytest-django makes a file name out of the engine's name, which is not Django's own.
    database.settings_dict["TEST"]["NAME"] = ":memory:"

import pytest  # noqa: E402

from tests.support.components import pytest_runtest_makereport  # noqa: E402, F401
from tests.support.flushed import django_db_setup, pytest_runtest_setup  # noqa: E402, F401


@pytest.fixture(autouse=True)
def _cache_in_memory(settings, request):
    """Unit tests keep the cache in memory; those marked ``real`` bring their own Redis."""
    if "real" not in request.keywords:
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True  # no collected static files here
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    yield
    from django.core.cache import cache
    from django.utils import translation

    translation.deactivate()  # a page in another language leaves it behind in the thread

    if "real" not in request.keywords:
        cache.clear()


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix(request):
    """SQLite's test database is in memory, one per process: a suffix would make it a file that cannot be opened.
    (pytest-django knows this of Django's own engine and not of django-prometheus's, which wraps it.)"""
    from django.conf import settings
    from pytest_django.fixtures import _set_suffix_to_test_databases

    worker = getattr(request.config, "workerinput", {}).get("workerid")
    if worker and "sqlite" not in settings.DATABASES["default"]["ENGINE"]:
        _set_suffix_to_test_databases(suffix=worker)


def pytest_unconfigure(config):
    """Leave nothing behind."""
    if sys.exc_info()[0] is None:
        shutil.rmtree(DATA, ignore_errors=True)
