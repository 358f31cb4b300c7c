"""Where the programs beside the portal answer: what the environment says, else where ``bin/up`` started them, else
their usual ports on this machine."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from portal.lib.environment import Environment


class Services:
    """Reads addresses; ``given`` then holds the variables whose program somebody said to be there."""

    def __init__(self, env: Environment, ports_file: Path) -> None:
        self.env = env
        self.chosen = _chosen_ports(ports_file)
        self.given: set[str] = set()

    def url(self, variable: str, program: str, port: int) -> str:
        """The address in that variable, without a slash at its end. Raises ImproperlyConfigured."""
        if self.env.text(variable, "") or program in self.chosen:
            self.given.add(variable)
        address = self.env.url(variable, f"http://127.0.0.1:{self.chosen.get(program, port)}").rstrip("/")
        if "@" in urlsplit(address).netloc:
            raise ImproperlyConfigured(f"{variable} holds a password: addresses are shown on pages. Use a token.")
        return address


def _chosen_ports(path: Path) -> dict[str, int]:
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}  # bin/up has not run here
    return {str(name): port for name, port in kept.items() if isinstance(port, int)} if isinstance(kept, dict) else {}
