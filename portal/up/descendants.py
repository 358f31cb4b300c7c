"""Processes that lost their parent: ``up`` adopts them (Linux), so that none outlives it."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

PR_SET_CHILD_SUBREAPER: Final = 36


def adopt() -> None:
    """From now on, a descendant whose parent ends becomes our child instead of init's."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> set[int]:
    """The processes whose parent we are, ended ones that nobody waited for included."""
    mine = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue  # it ended meanwhile
        if parent == os.getpid():
            mine.add(int(folder.name))
    return mine


def sweep(keep: set[int], sig: int = signal.SIGTERM) -> set[int]:
    """Signal every child of ours but those, forget the ones that have ended, and give those that live."""
    living = set()
    for pid in children() - keep:
        if not _reap(pid):
            living.add(pid)
            _signal(pid, sig)
    return living


def end_all(seconds: float) -> None:
    """End every child of ours: politely, and after that many seconds for good."""
    deadline = time.monotonic() + seconds
    sig = signal.SIGTERM
    while sweep(set(), sig):
        if time.monotonic() > deadline:
            sig = signal.SIGKILL
        time.sleep(0.1)


def _reap(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _signal(pid: int, sig: int) -> None:
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        return  # it ended by itself
