"""A stand-in for Grafana, which cannot be had here: as much of its HTTP as the portal, nginx and ``bin/up`` rely on.

    with StandInGrafana(token="right") as grafana:
        settings.PORTAL_GRAFANA_URL = grafana.url
        …
        assert grafana.seen[-1].headers["X-WEBAUTH-USER"] == "anna"

``python -m tests.support.grafana server --config=FILE`` is the program: it reads the settings as Grafana does and ends
with a sentence where Grafana would not start on them.
"""

import argparse
import configparser
import contextlib
import html
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
import yaml

PREFIX = "/grafana"
VERSION = "12.4.0"
ROLES = {"Viewer", "Editor", "Admin"}
PAGE = """<!doctype html><html lang="en"><head><title>{title}</title><base href="/grafana/"></head>
<body data-user="{user}" data-role="{role}" style="font: 16px sans-serif; background: {ground}">
<h1>{title}</h1><p>{path}</p></body></html>"""


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str  # with the query, as it came
    headers: Message
    body: bytes = b""

    @property
    def query(self) -> dict[str, list[str]]:
        """What follows the question mark."""
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)


@dataclass
class StandInGrafana:
    """Grafana on a loopback port. Behaviour is changed while it runs by setting its attributes."""

    # A service account's; others may read no API.
    token: str = ""
    # uid → the dashboard, as a file holds it.
    dashboards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    database: str = "ok"
    # Seconds before it answers.
    delay: float = 0.0
    version: str = VERSION
    # Whether a panel's id in an address is ``panel-2`` (since 11.3) or ``2``.
    new_ids: bool = True
    # A file with public keys: then it believes nobody but whom one of these signed, for this issuer.
    jwks: Path | None = None
    issuer: str = ""
    # Answers of one's own: path without prefix → (status, headers, body).
    answers: dict[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    # Number → what was written, in Grafana's words.
    annotations: dict[int, dict[str, Any]] = field(default_factory=dict)
    may_write: bool = True

    def __enter__(self) -> "StandInGrafana":
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def root(self) -> str:
        """Where it listens, without its sub path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Its address with the sub path."""
        return self.root + PREFIX

    def answer(self, seen: Seen) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body for that request."""
        path = urlsplit(seen.path).path
        if path == "/":
            return 302, {"Location": f"{PREFIX}/"}, b""
        path = path.removeprefix(PREFIX) or "/"
        if path in self.answers:
            return self.answers[path]
        if path.startswith("/api/"):
            status, found = self._api(path, seen)
            return status, {"Content-Type": "application/json"}, json.dumps(found).encode()
        if path.startswith("/public/"):
            return 200, {"Content-Type": "text/javascript", "Cache-Control": "max-age=3600"}, b"'a file of Grafana's'"
        return self._page(path, seen)

    def _api(self, path: str, seen: Seen) -> tuple[int, Any]:  # noqa: PLR0911  (one per path)
        if path == "/api/health":
            return (200 if self.database == "ok" else 503), {"database": self.database, "version": self.version}
        known = self.person(seen.headers)
        bearer = bool(self.token) and seen.headers.get("Authorization") == f"Bearer {self.token}"
        if not (known or bearer):
            return 401, {"message": "Unauthorized"}
        if path == "/api/user" and known:
            return 200, {"login": known[0], "role": known[1]}
        if path.startswith("/api/annotations"):
            return self._annotations(path, seen)
        if path == "/api/search":
            return 200, [
                {"uid": uid, "type": "dash-db", "title": one.get("title")} for uid, one in self.dashboards.items()
            ]
        if found := re.fullmatch(r"/api/dashboards/uid/([^/]+)", path):
            one = self.dashboards.get(unquote(found[1]))
            return (200, {"dashboard": one}) if one else (404, {"message": "Dashboard not found"})
        return 200, {"path": seen.path, "got": seen.body.decode(errors="replace")}

    def _annotations(self, path: str, seen: Seen) -> tuple[int, Any]:
        """As its HTTP API has them: a mark without ``timeEnd`` ends when it begins."""
        if seen.method == "GET":
            wanted = set(seen.query.get("tags", ()))
            return 200, [
                {"id": number, **one} for number, one in self.annotations.items() if wanted <= set(one["tags"])
            ]
        if not self.may_write:
            return 403, {"message": "You'll need additional permissions to perform this action."}
        body = json.loads(seen.body)
        if seen.method == "POST" and path == "/api/annotations":
            if not body.get("text"):
                return 400, {"message": "text field should not be empty"}
            number = len(self.annotations) + 1
            self.annotations[number] = {"timeEnd": body["time"], **body}
            return 200, {"message": "Annotation added", "id": number}
        number = int(path.rpartition("/")[2])
        if seen.method != "PATCH" or number not in self.annotations:
            return 404, {"message": "Annotation not found"}
        self.annotations[number].update(body)
        return 200, {"message": "Annotation patched"}

    def person(self, headers: Mapping[str, str] | Message) -> tuple[str, str] | None:
        """Login and role of whoever asks, if it believes them."""
        if self.jwks is None:
            login, role = headers.get("X-WEBAUTH-USER", ""), headers.get("X-WEBAUTH-ROLE", "")
            return (login, role) if login and role in ROLES else None
        token = headers.get("X-Portal-JWT", "")
        try:
            keys = {key["kid"]: jwt.PyJWK(key).key for key in json.loads(self.jwks.read_text())["keys"]}
            claims = jwt.decode(
                token, keys[jwt.get_unverified_header(token)["kid"]], algorithms=["EdDSA"], audience="grafana",
                issuer=self.issuer, options={"require": ["sub", "exp", "iat"]},
            )  # fmt: skip
        except (jwt.PyJWTError, KeyError):
            return None
        return claims["login"], claims["role"]

    def misspelled(self, path: str, query: Mapping[str, list[str]]) -> list[str]:
        """What of the address of a dashboard or a panel is not as Grafana wants it."""
        _empty, kind, uid, *_rest = [*path.split("/"), "", "", ""]
        if kind not in {"d", "d-solo"}:
            return []
        wrong = [name for name in ("orgId", "from", "to") if not query.get(name)]
        wrong += [f"uid {uid}"] if uid not in self.dashboards else []
        wrong += ["theme"] if query.get("theme") not in (["light"], ["dark"]) else []
        if kind == "d":
            return wrong + ([] if "kiosk" in query else ["kiosk"])
        ids = [panel["id"] for panel in self.dashboards.get(uid, {}).get("panels", ())]
        known = [[f"panel-{number}" if self.new_ids else str(number)] for number in ids]
        return wrong + ([] if query.get("panelId") in known else [f"panelId {query.get('panelId')}"])

    def _page(self, path: str, seen: Seen) -> tuple[int, Mapping[str, str], bytes]:
        known = self.person(seen.headers)
        if not known:
            return 302, {"Location": f"{PREFIX}/login"}, b""
        if wrong := self.misspelled(path, seen.query):
            return 400, {"Content-Type": "text/plain"}, f"misspelled: {', '.join(wrong)}".encode()
        title = self.dashboards.get(([*path.split("/"), "", "", ""])[2], {}).get("title", "Grafana")
        body = PAGE.format(
            title=html.escape(str(title)), path=html.escape(seen.path), user=html.escape(known[0]),
            role=html.escape(known[1]),
            ground="#111217; color: #ccc" if seen.query.get("theme") == ["dark"] else "#f4f5f5",
        )  # fmt: skip
        headers = {
            "Content-Type": "text/html; charset=UTF-8", "Cache-Control": "no-store", "Set-Cookie": "grafana_session=x",
            "X-Frame-Options": "deny",
        }  # fmt: skip
        return 200, headers, body.encode()


def shipped() -> dict[str, dict[str, Any]]:
    """The dashboards of ``deploy/grafana``, by uid."""
    folder = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "dashboards"
    return provisioned(folder)


def provisioned(folder: Path) -> dict[str, dict[str, Any]]:
    """The dashboards that a provider of Grafana finds in that folder, by uid."""
    found = [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]
    return {one["uid"]: one for one in found if one.get("title")}


def _handler(grafana: StandInGrafana) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen = Seen(self.command, self.path, self.headers, body)
            grafana.seen.append(seen)
            time.sleep(grafana.delay)
            status, headers, content = grafana.answer(seen)
            with contextlib.suppress(OSError):  # the caller lost patience
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_one

        def log_message(self, *args: object) -> None:
            """Silence."""

    return Handler


# --- the program


def main(arguments: list[str]) -> None:
    """Run on a file of settings. Ends with a sentence where Grafana would refuse them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", nargs="?", default="server")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--homepath", type=Path)
    given = parser.parse_args(arguments)
    ini = configparser.ConfigParser(interpolation=None, comment_prefixes=("#", ";"))
    if not ini.read(given.config):
        sys.exit(f"{given.config} cannot be read")
    if not ini.getboolean("server", "serve_from_sub_path") or not ini["server"]["root_url"].endswith(f"{PREFIX}/"):
        sys.exit("it is not served from the sub path")
    found = _provisioned(Path(ini["paths"]["provisioning"]))
    Path(ini["paths"]["data"]).mkdir(parents=True, exist_ok=True)
    if ini["server"]["http_addr"] != "127.0.0.1":
        sys.exit("it would listen for others")
    with StandInGrafana(dashboards=found, port=ini.getint("server", "http_port")) as grafana:
        sys.stdout.write(f"HTTP Server Listen address={grafana.root} subUrl={PREFIX} dashboards={len(found)}\n")
        sys.stdout.flush()
        threading.Event().wait()


def _provisioned(folder: Path) -> dict[str, dict[str, Any]]:
    """What the files of that folder provision; each of them must be there and be readable."""
    kinds = {kind: yaml.safe_load((folder / kind / "proxmox-manager.yml").read_text())
             for kind in ("datasources", "dashboards", "alerting")}  # fmt: skip
    for text in re.findall(r"\$__file\{([^}]+)\}", (folder / "alerting" / "proxmox-manager.yml").read_text()):
        if not Path(text).read_text().strip():
            sys.exit(f"{text} is empty")
    assert [one["uid"] for one in kinds["datasources"]["datasources"]] == ["prometheus", "alertmanager"]
    (provider,) = kinds["dashboards"]["providers"]
    return provisioned(Path(provider["options"]["path"]))


if __name__ == "__main__":
    main(sys.argv[1:])
