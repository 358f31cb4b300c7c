"""HTTPS: connections, TLS and the shape of requests and answers."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import simulator.api  # noqa: F401  (fills the route table)
from simulator import auth, routing
from simulator.cluster import Cluster
from simulator.errors import ApiError, bad_parameters
from simulator.misbehaviour import LOGIN_PAGE, REASONS, REFUSES, Misbehaviour, Rule, distort
from simulator.wire import JSON, Answer, Asked, PlainText, encode, failure, parse_form, parse_json

PREFIX = "/api2/json"
REQUESTS_PER_CONNECTION = 100
BODY_LIMIT = 512 * 1024
GZIP_FROM = 1024
IDLE_SECONDS = 30.0
NO_ROUTE_SECONDS = 3.0


class Server(ThreadingHTTPServer):
    """The API's listening socket. Each connection has a thread of its own."""

    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], cluster: Cluster, context: ssl.SSLContext) -> None:
        self.cluster, self.context = cluster, context
        self.misbehaviour = Misbehaviour()
        self.requests: deque[Asked] = deque()
        self.auth_failure_delay = 0.0
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS, or tell a client that speaks plain HTTP where to go."""
        connection = cast(socket.socket, request)
        try:
            connection.settimeout(10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if connection.recv(1, socket.MSG_PEEK) != b"\x16":
                PlainHandler(connection, client_address, self)
                return
            with self._guard:
                self._open.add(connection)
            with self.context.wrap_socket(connection, server_side=True) as tls:
                with self._guard:
                    self._open.discard(connection)
                    self._open.add(tls)
                try:
                    Handler(tls, client_address, self)
                finally:
                    with self._guard:
                        self._open.discard(tls)
        except OSError:
            return  # the client went away, or did not like our certificate
        finally:
            with self._guard:
                self._open.discard(connection)

    def close_connections(self) -> None:
        """Cut every open connection, as a server that goes down does."""
        self.stopping.set()
        with self._guard:
            connections = list(self._open)
        for connection in connections:
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up."""


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: Server
    scheme = "https"
    served = 0
    user = ""

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: tests and the demo read ``requests`` instead."""

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def serve(self) -> None:
        """Answer one request."""
        self.served += 1
        url = urlsplit(self.path)
        path, given = unquote(url.path), {}
        inside = path == PREFIX or path.startswith(PREFIX + "/")
        path = path[len(PREFIX) :] if inside else path
        rule = self.server.misbehaviour.take(path) if inside else None
        try:
            given = self._parameters(url.query)
            answer = self._misbehave(rule, path, given) if rule else self._answer(path, given, inside)
        except ApiError as problem:
            answer = self._failure(problem)
        except Exception as problem:  # noqa: BLE001 - a fault of the simulator is told, not a silent end
            answer = self._failure(ApiError(500, f"the simulator failed: {problem!r}"))
        if answer is not None:
            self._record(path, given, answer.status)
            self._send(answer)
        else:
            self._record(path, given, 0)

    def _record(self, path: str, given: dict[str, Any], status: int) -> None:
        hidden = {key: "***" if key == "password" else value for key, value in given.items()}
        self.server.requests.append(Asked(self.command, path, hidden, status, self.user, time.time()))

    # -- what is asked ----------------------------------------------------------------------------------------------

    def _parameters(self, query: str) -> dict[str, Any]:
        """Return query and body together; the query wins. Raises the 501 of a method or body that is not taken."""
        if self.command not in ("GET", "POST", "PUT", "DELETE"):
            raise ApiError(501, f"method '{self.command}' not available", bare=True)
        body = self._body()
        return body | parse_form(query)

    def _body(self) -> dict[str, Any]:
        if self.headers.get("Transfer-Encoding"):
            raise PlainText(501, "chunked transfer encoding not supported")
        stated = str(self.headers.get("Content-Length") or "0")
        if not stated.isdecimal():
            raise PlainText(400, "bad request")
        length = int(stated)
        if not length:
            return {}
        if self.command in ("GET", "DELETE"):
            raise PlainText(501, f"Unexpected content for method '{self.command}'")
        if length > BODY_LIMIT:
            raise PlainText(501, "for data too large")
        raw = self.rfile.read(length)
        if "json" in str(self.headers.get("Content-Type") or ""):
            return parse_json(raw)
        return parse_form(raw.decode("utf-8", "replace"))

    # -- what is answered -------------------------------------------------------------------------------------------

    def _answer(self, path: str, given: dict[str, Any], inside: bool) -> Answer:
        if not inside:
            return self._page()
        result = self._result(path, given)
        if isinstance(result, routing.Ready):
            return Answer(200, "OK", result.plain, JSON, packed=result.packed)
        return Answer(200, "OK", encode(_wrap(result)), JSON)

    def _result(self, path: str, given: dict[str, Any]) -> Any:
        """Return what the route answers. Raises ApiError."""
        login = self.command == "POST" and path == "/access/ticket"
        caller = auth.Caller("")
        if not login or self.headers.get("Authorization"):
            caller = auth.identify(self.server.cluster, self.headers, self.command)
        self.user = caller.user
        if login and caller.token:
            where = "URI '/access/ticket' not available with API token, need proper ticket.\n"
            raise ApiError(403, f"Permission check failed ({where})")
        entry, values = routing.find(self.command, path)
        call = routing.Call(self.server.cluster, self.command, path, caller.user, caller.rights, dict(values))
        return routing.answer(entry, call, given)

    def _failure(self, problem: ApiError) -> Answer:
        """Return an error's answer, after which the connection closes. Some refusals take their time."""
        if problem.status == 401:
            self.server.stopping.wait(self.server.auth_failure_delay)
        if problem.status == 595:
            self.server.stopping.wait(NO_ROUTE_SECONDS * self.server.cluster.pace)
        return failure(problem, message=self.server.cluster.release.number >= (8, 4))

    def _misbehave(self, rule: Rule, path: str, given: dict[str, Any]) -> Answer | None:
        """Return the odd answer of a rule, or None if there is none at all."""
        kind = rule.kind
        if kind.startswith(REFUSES):
            self._refuse(kind.removeprefix(REFUSES), given)
        if kind.isdigit():
            return self._failure(ApiError(int(kind), REASONS[int(kind)], bare=kind in ("401", "595", "596")))
        if kind in ("html", "redirect"):
            return self._page(redirect=kind == "redirect")
        if kind == "reset":
            self._reset()
            return None
        self.server.stopping.wait(rule.delay)  # only what is slow has one
        normal = self._answer(path, given, True)
        if kind == "slow" or kind.startswith(REFUSES):
            return normal
        if kind == "truncated":
            return Answer(200, "OK", normal.body, JSON, cut=True, close=True)
        return Answer(200, "OK", distort(kind, json.loads(normal.body)), JSON)

    def _refuse(self, name: str, given: dict[str, Any]) -> None:
        """Raise the 400 that names this parameter, of a write that has it."""
        if self.command != "GET" and name in given:
            raise bad_parameters({name: "value is not one that this node takes"})

    def _page(self, *, redirect: bool = False) -> Answer:
        if redirect:
            return Answer(301, "Moved Permanently", headers=(("Location", "/login"),), close=True)
        return Answer(200, "OK", LOGIN_PAGE, "text/html; charset=utf-8")

    def _reset(self) -> None:
        self.close_connection = True
        # a linger time of zero makes the kernel send RST instead of a polite end
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(self.connection)

    def _send(self, answer: Answer) -> None:
        body, headers = answer.body, list(answer.headers)
        if "gzip" in str(self.headers.get("Accept-Encoding") or "") and len(body) > GZIP_FROM and not answer.cut:
            body = answer.packed if answer.packed is not None else gzip.compress(body, 1)
            headers.append(("Content-Encoding", "gzip"))
        if answer.content_type:
            headers.append(("Content-Type", answer.content_type))
        spent = self.served >= REQUESTS_PER_CONNECTION or self.server.stopping.is_set()
        self.close_connection = self.close_connection or answer.close or spent
        now = formatdate(usegmt=True)
        headers += [
            ("Cache-Control", "max-age=0"),
            ("Connection", "close" if self.close_connection else "Keep-Alive"),
            ("Content-Length", str(len(body))),
            ("Date", now),
            ("Expires", now),
            ("Pragma", "no-cache"),
            ("Server", "pve-api-daemon/3.0"),
        ]
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
        self.wfile.write("\r\n".join(lines).encode() + (body[: len(body) // 2] if answer.cut else body))


class PlainHandler(Handler):
    """Answers plain HTTP on the TLS port."""

    def serve(self) -> None:
        """Send the client to the https address."""
        read = self.command == "GET"
        text = "Moved Permanently" if read else "Permanent Redirect"
        location = f"https://{self.headers.get('Host') or 'localhost'}{self.path}"
        self._send(Answer(301 if read else 308, text, text.encode(), headers=(("Location", location),), close=True))


def _wrap(result: Any) -> dict[str, Any]:
    if isinstance(result, routing.Listing):
        return {"data": result.data} | result.beside
    return {"data": result}
