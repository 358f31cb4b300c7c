"""Installs Debian or Ubuntu packages as root, without letting them start their services beside ours.

``python -m portal.up.packages NAME …`` does it from a script: one sentence and a failing exit code where it cannot.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from portal.up.trouble import Trouble

MONITORING: Final = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
# Debian asks this file before a package starts a service; 101 means no.
POLICY: Final = Path("/usr/sbin/policy-rc.d")
QUIET: Final = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}


def can_install() -> bool:
    """Whether this user may install packages on this system."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def missing(names: Sequence[str]) -> list[str]:
    """Those of the packages that are not installed."""
    return [name for name in names if not _installed(name)]


def install(names: Sequence[str]) -> None:
    """Install what of these is missing. Raises Trouble."""
    wanted = missing(names)
    if not wanted:
        return
    by_hand = f"`apt-get install {' '.join(wanted)}`"
    if not can_install():
        raise Trouble(f"Only root can install packages, with apt-get on Debian or Ubuntu: run {by_hand} as root.")
    with _no_services():
        # Lists that are a little old still name the packages: what counts is whether the installation works.
        _apt("update")
        done = _apt("install", "-y", "--no-install-recommends", *wanted)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise Trouble(f"The packages {', '.join(wanted)} could not be installed ({last}): try {by_hand}.")


def _installed(name: str) -> bool:
    try:
        asked = subprocess.run(
            ["dpkg-query", "-W", "-f", "${db:Status-Status}", name], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return False  # no Debian
    return asked.stdout == "installed"


def _apt(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *arguments],
        env={**os.environ, **QUIET},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@contextmanager
def _no_services() -> Iterator[None]:
    """Deny packages to start services meanwhile, unless the system has a policy of its own."""
    if POLICY.exists() or not POLICY.parent.is_dir():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        install(sys.argv[1:])
    except Trouble as trouble:
        sys.exit(str(trouble))
