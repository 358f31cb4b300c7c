"""prometheus-pve-exporter itself, in an environment of its own, to be compared with."""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import free_port, wait_until

WANTED = "prometheus-pve-exporter~=3.10.0"
HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "proxmox-manager-tests" / "pve-exporter-3.10"

Series = tuple[str, tuple[tuple[str, str], ...]]


class PeerMissing(Exception):
    """The exporter is not here and cannot be installed; the message says why."""


def program() -> Path:
    """The exporter's program; installed at the first call. Raises PeerMissing where PyPI cannot be reached."""
    path = HOME / "bin" / "pve_exporter"
    HOME.parent.mkdir(parents=True, exist_ok=True)
    with (HOME.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test processes one installs it
        if not path.exists():
            steps = ([sys.executable, "-m", "venv", str(HOME)],
                     [str(HOME / "bin" / "pip"), "install", "--quiet", "--retries", "1", WANTED])  # fmt: skip
            for step in steps:
                done = subprocess.run(step, capture_output=True, text=True, timeout=300, check=False)
                if done.returncode:
                    why = done.stderr.strip()[-300:]
                    raise PeerMissing(f"pve-exporter 3.10 cannot be had from PyPI: {why}")
    return path


class Exporter:
    """The exporter, running, with that token and these options. A context manager."""

    def __init__(self, token_id: str, token_secret: str, *options: str) -> None:
        user, _, name = token_id.partition("!")
        self.url, self.options = f"http://127.0.0.1:{free_port()}", options
        self.env = {
            "PATH": os.environ["PATH"], "TZ": "UTC", "PVE_USER": user, "PVE_TOKEN_NAME": name,
            "PVE_TOKEN_VALUE": token_secret, "PVE_VERIFY_SSL": "false", "PYTHONWARNINGS": "ignore",
        }  # fmt: skip

    def __enter__(self) -> "Exporter":
        command = [str(program()), "--web.listen-address", self.url.removeprefix("http://"), *self.options]
        self.process = subprocess.Popen(command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self._answers, 30, what="the exporter answers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)

    def _answers(self) -> bool:
        try:
            return requests.get(self.url, timeout=2).ok
        except requests.RequestException:
            return False

    def ask(self, **asked: str) -> "Answer":
        """What it answers to that."""
        answer = requests.get(f"{self.url}/pve", params=asked, timeout=60)
        assert answer.status_code == 200, answer.text
        return Answer(answer.text)


class Answer:
    """A page of the text format: its families with their types, and its series with their values."""

    def __init__(self, text: str) -> None:
        self.types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        self.series: dict[Series, float] = {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples}
        assert len(samples) == len(self.series), "a series is there twice"

    def of(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The series of one name."""
        return {labels: value for (family, labels), value in self.series.items() if family == name}

    def get(self, name: str, /, **labels: str) -> float | None:
        """The one series with these labels, and maybe others."""
        found = [value for told, value in self.of(name).items() if set(labels.items()) <= set(told)]
        assert len(found) <= 1, found
        return found[0] if found else None
