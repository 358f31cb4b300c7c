"""What ``bin/up`` decided for the portal that runs now, so that a command in a shell beside it decides the same.

A file of its run folder, written at the start and removed at the end. ``bin/up`` that is killed leaves it behind, so it
counts only while that one holds its lock. It holds no secrets, and whatever the shell's own environment says wins.
"""

import fcntl
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NAMES: Final = ("PORTAL_ALLOWED_INTERNAL", "PORTAL_PORT", "PORTAL_REDIS_URL")


def chosen_file(data: Path) -> Path:
    """Where it is kept."""
    return data / "run" / "chosen.json"


def lock_file(data: Path) -> Path:
    """What ``bin/up`` holds locked as long as it lives."""
    return data / "run" / "up.lock"


def keep(data: Path, variables: Mapping[str, str]) -> None:
    """Keep what this start decided by itself: what the environment named is not ours to repeat."""
    found = {name: variables[name] for name in NAMES if name in variables and not _named(name)}
    if "PORTAL_PORT" in variables:
        found["PORTAL_PORT"] = variables["PORTAL_PORT"]
    path = chosen_file(data)
    path.touch(mode=0o600)
    path.write_text(json.dumps(found))


def forget(data: Path) -> None:
    """Nothing runs any more."""
    chosen_file(data).unlink(missing_ok=True)


def with_chosen(data: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment, completed by what the running portal has. ``bin/up`` itself decides anew."""
    if sys.argv[1:2] == ["up"]:
        return dict(variables)
    try:
        kept = json.loads(chosen_file(data).read_text()) if _runs(data) else {}
    except (OSError, ValueError):
        return dict(variables)  # bin/up does not run here
    known = kept if isinstance(kept, dict) else {}
    missing = {name: str(known[name]) for name in NAMES if name in known and not _named(name, variables)}
    return {**missing, **variables}


def _runs(data: Path) -> bool:
    """Whether ``bin/up`` lives: its lock ends with it, however it ends. Raises OSError where it never ran."""
    if not chosen_file(data).exists():
        return False  # nor is the lock touched: bin/up may just be taking it
    with lock_file(data).open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _named(name: str, variables: Mapping[str, str] = os.environ) -> bool:
    return bool(variables.get(name) or variables.get(f"{name}_FILE"))
