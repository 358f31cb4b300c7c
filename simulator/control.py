"""The control door: plain HTTP on loopback, for tests and demonstrations. Each POST does what its path says."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from simulator.simulator import Simulator

LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1", "[::1]"}


def is_loopback(host: str) -> bool:
    """Whether an address or name (as in a Host header, without port) is this machine's loopback."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class ControlDoor(ThreadingHTTPServer):
    """Listens on loopback only."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int, simulator: Simulator) -> None:
        if not is_loopback(host):
            raise ValueError(f"the control door opens on loopback only, not on {host}")
        self.simulator = simulator
        super().__init__((host, port), ControlHandler)


class ControlHandler(BaseHTTPRequestHandler):
    """Answers with JSON: 200 and what was done, 400 and why not, 403 for a foreign Host header, 404."""

    server: ControlDoor
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        """Answer ``/state``."""
        if self._foreign():
            return
        if urlsplit(self.path).path == "/state":
            self._reply(200, self.server.simulator.state())
        else:
            self._reply(404, {"error": "there is only GET /state"})

    def do_POST(self) -> None:
        """Do what the path says with the JSON body as arguments."""
        if self._foreign():
            return
        try:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}") if length <= 1 << 20 else None
            if not isinstance(body, dict):
                raise ValueError("the body is to be a JSON object")
            result = self._act(urlsplit(self.path).path.strip("/").split("/"), body)
        except LookupError as problem:
            self._reply(404, {"error": f"not there: {problem}"})
        except (ValueError, TypeError) as problem:
            self._reply(400, {"error": str(problem)})
        else:
            self._reply(200, {"ok": True} | result)

    def _foreign(self) -> bool:
        """Refuse a request that a web page elsewhere made this machine's browser send."""
        host = str(self.headers.get("Host") or "").rsplit("]", 1)
        name = host[0] + "]" if len(host) > 1 else host[0].partition(":")[0]
        if is_loopback(name) and not self.headers.get("Origin"):
            return False
        self._reply(403, {"error": "the Host header is not loopback, or a web page asks"})
        return True

    def _act(self, parts: list[str], body: dict[str, Any]) -> dict[str, Any]:
        pve = self.server.simulator
        match parts:
            case [("guests" | "faults") as area, *rest]:
                return self._guests(rest, body) if area == "guests" else self._faults(rest, body)
            case ["nodes", node, ("offline" | "online" | "age" | "fence") as verb]:
                actions: dict[str, Callable[[str], None]] = {
                    "offline": pve.node_offline, "online": pve.node_online, "age": pve.age_offline,
                    "fence": pve.fence,
                }  # fmt: skip
                actions[verb](node)
            case ["misbehave"]:
                options = {key: body[key] for key in ("times", "seconds", "node") if key in body}
                pve.misbehave(str(body.get("path", "*")), str(body.get("kind", "")), **options)
            case [("behave" | "notify") as verb]:
                getattr(pve, verb)(**body)
            case ["quorum"]:
                pve.set_quorate(bool(body.get("quorate", True)))
            case ["rights"]:
                pve.set_token_rights(body.get("kind", "all"))
            case ["backups", "add"]:
                return {"volid": pve.add_backup(**body)}
            case ["jobs", name, "run"]:
                return {"upids": pve.run_job(name)}
            case ["tasks", "vzdump"]:
                return {"upid": pve.add_vzdump_task(**body)}
            case _:
                raise LookupError("/" + "/".join(parts))
        return {}

    def _guests(self, parts: list[str], body: dict[str, Any]) -> dict[str, Any]:
        pve = self.server.simulator
        match parts:
            case ["add"]:
                return {"vmid": pve.add_guest(**body)}
            case [vmid, ("stop" | "start" | "remove") as verb]:
                getattr(pve, f"{verb}_guest")(int(vmid))
            case [vmid, "hold"]:
                pve.hold_lock_file(int(vmid), float(body.get("seconds", 10)))
            case [vmid, "set"]:
                pve.set_guest(int(vmid), **body)
            case _:
                raise LookupError("/guests/" + "/".join(parts))
        return {}

    def _faults(self, parts: list[str], body: dict[str, Any]) -> dict[str, Any]:
        pve = self.server.simulator
        match parts:
            case ["task"]:
                pve.fail_task(**body)
            case ["slow"]:
                pve.slow_tasks(**body)
            case ["race"]:
                pve.race_ids(int(body.get("times", 1)))
            case ["mend"]:
                pve.mend_tasks()
            case _:
                raise LookupError("/faults/" + "/".join(parts))
        return {}

    def _reply(self, status: int, answer: dict[str, Any]) -> None:
        text = json.dumps(answer, ensure_ascii=False).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
