"""Starts a program that ends when its parent ends: ``tether.py [--fresh FOLDER] [NAME=VALUE …] -- COMMAND …``.

Run by path, in isolated mode, for every child of the supervisor: it needs nothing but the standard library. The
program takes its place, so the supervisor sees and signals the program itself.
"""

import ctypes
import os
import shutil
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(sig: int = signal.SIGTERM) -> None:
    """Have the kernel send us that signal when our parent ends (Linux; elsewhere nothing happens)."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, sig)
    if os.getppid() != parent:  # it ended before we asked
        os.kill(os.getpid(), sig)


def main(arguments: list[str]) -> None:
    """Prepare the environment and become the command."""
    options, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    if options[:1] == ["--fresh"]:
        shutil.rmtree(options[1], ignore_errors=True)
        os.makedirs(options[1], mode=0o700)
        options = options[2:]
    os.environ.update(dict(option.split("=", 1) for option in options))
    die_with_parent()
    os.execvp(command[0], command)  # noqa: S606  (no shell is wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
