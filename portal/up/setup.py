"""The steps before the processes start. Each looks whether it has anything to do, so a second start is quick."""

import hashlib
import os
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from portal.up import tokens
from portal.up.layout import Layout
from portal.up.programs import BASE, PYTHON
from portal.up.trouble import Trouble, explained

ADMINISTRATOR: Final = "admin"
# On this machine a webhook receiver beside the portal is no way into anybody's network.
LOOPBACK_ADDRESSES: Final = "localhost,127.0.0.0/8,::1"


def migrate(layout: Layout) -> int:
    """Bring the database up to date; how many migrations were applied. Raises Trouble."""
    with explained("bringing the database up to date", layout.data):
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if missing:
            call_command("migrate", interactive=False, verbosity=0)
    return missing


def collect_static(layout: Layout) -> bool:
    """Collect the static files unless they are as last time; whether it did. Raises Trouble."""
    with explained("collecting the static files", layout.data):
        stamp, signature = Path(settings.STATIC_ROOT) / ".collected", _static_signature()
        if stamp.exists() and stamp.read_text() == signature:
            return False
        call_command("collectstatic", interactive=False, verbosity=0, clear=True)
        stamp.write_text(signature)
    return True


def _static_signature() -> str:
    """A digest of every static file's name, size and time."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(None):
            facts = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def first_administrator(layout: Layout) -> str:
    """Make the first administrator where there is none, and give the random password; '' where there is one."""
    people = get_user_model()
    with explained("making the first administrator", layout.data):
        if people.objects.filter(is_superuser=True).exists() or people.objects.filter(username=ADMINISTRATOR).exists():
            return ""
        password = secrets.token_urlsafe(12)
        people.objects.create_superuser(ADMINISTRATOR, "", password)
    return password


def environment(layout: Layout, token_files: Mapping[str, Path], *, embedded_redis: bool) -> Mapping[str, str]:
    """What the children have in their environment: ours, and where this installation's things are."""
    variables = {**os.environ, "PORTAL_DATA": str(layout.data), "PORTAL_PORT": str(settings.PORTAL_PORT)}
    variables.pop("PROMETHEUS_MULTIPROC_DIR", None)
    if embedded_redis:
        variables["PORTAL_REDIS_URL"] = f"unix://{layout.redis_socket}"
    if not variables.get("PORTAL_ALLOWED_INTERNAL"):
        variables["PORTAL_ALLOWED_INTERNAL"] = LOOPBACK_ADDRESSES
    return {**variables, **tokens.of_the_children(token_files)}


def whole_number(name: str, default: int) -> int:
    """The variable's value, at least 1, or the default. Raises Trouble."""
    value = os.environ.get(name, "").strip() or str(default)
    if not value.isdecimal() or int(value) < 1:
        raise Trouble(f"{name} is {value!r}: write a whole number from 1.")
    return int(value)


def manage(variables: Mapping[str, str], *arguments: str) -> str:
    """Run manage.py with the children's environment; '' or, if it failed, the last line it said."""
    done = subprocess.run(
        [PYTHON, str(BASE / "manage.py"), *arguments],
        cwd=BASE,
        env=dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ""
    return (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]


def webhook_channel(variables: Mapping[str, str]) -> str:
    """Make the alert channel that WEBHOOK_URL asks for, if it does; '' or a sentence that says why not."""
    names = ("WEBHOOK_URL", "PORTAL_WEBHOOK_URL", "WEBHOOK_URL_FILE", "PORTAL_WEBHOOK_URL_FILE")
    return manage(variables, "ensure_channels") if any(variables.get(name) for name in names) else ""
