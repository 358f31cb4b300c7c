"""An HTTPS server that gives recorded answers of real Proxmox servers."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import trustme


class Replay:
    """Serves one recording. A context manager; ``url`` and ``ca`` (PEM text) are what a cluster needs."""

    def __init__(self, interactions: list[dict]) -> None:
        self.answers: dict[tuple[str, str], list[dict]] = {}
        for item in interactions:
            if item["method"] == "GET":
                self.answers.setdefault((item["path"], _key(item.get("query") or {})), []).append(item)

    def __enter__(self) -> "Replay":
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self.ca = authority.cert_pem.bytes().decode()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                path = parts.path.removeprefix("/api2/json")
                found = answers.get((path, _key(dict(parse_qsl(parts.query)))))
                item = (
                    found[0]
                    if found
                    else {"status": 501, "reason": f"Method 'GET {path}' not implemented", "body": None}
                )
                body = json.dumps(item["body"]).encode() if item.get("body") is not None else b""
                self.send_response(item["status"], item.get("reason") or None)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler


def _key(query: dict) -> str:
    return json.dumps({key: str(value) for key, value in query.items()}, sort_keys=True)
