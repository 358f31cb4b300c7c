"""Asks Prometheus and the programs beside it. Every call has a limit in time and in size, every answer is judged.

``Peer`` is any of them, ``Prometheus`` adds its API. What goes wrong is a :class:`PeerError` with a sentence that may
be shown: the library's own texts hold the address.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.lib.http import MAX_ANSWER, OutgoingSession, RequestError, pieces, reason, why

SECONDS: Final = 2.0
NOT_ITS_API: Final = gettext_noop("it answers something else than its API would: does another program listen there?")
NO_HEADERS: Final[Mapping[str, str]] = {}
MAX_LINES: Final = 128 * 2**20  # of what is read line by line and not kept


class PeerError(Exception):
    """It did not answer, or not what one could use. ``absent``: nothing listens there at all; ``slow``: not in time;
    ``large``: more than we take; ``said``: its own word about what was asked, so it is well."""

    def __init__(  # noqa: PLR0913  (an error is told by how it came)
        self,
        sentence: str,
        *,
        absent: bool = False,
        slow: bool = False,
        large: bool = False,
        said: bool = False,
        status: int = 0,
    ) -> None:
        super().__init__(sentence)
        self.absent, self.slow, self.large, self.said = absent, slow, large, said
        self.status = status


@dataclass(frozen=True)
class Answer:
    """Status and body, whole."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Peer:
    """A program that answers HTTP."""

    name: str
    url: str
    token: str = ""
    seconds: float = SECONDS
    largest: int = MAX_ANSWER  # bytes
    session: OutgoingSession | None = None  # see ``connected``

    @contextmanager
    def connected(self) -> Iterator[Self]:
        """The same, whose questions go over one connection: for several in a row, soon after each other."""
        with OutgoingSession("stack", self.seconds) as session:
            yield replace(self, session=session)

    def get(self, path: str, **params: str) -> Answer:
        """The answer to a GET, whatever its status. Raises PeerError."""
        return self._send("GET", path, params)

    def get_as(self, path: str, headers: Mapping[str, str]) -> Answer:
        """The same, with these headers. Raises PeerError."""
        return self._send("GET", path, {}, headers)

    def text(self, path: str, **params: str) -> str:
        """The body of a good answer. Raises PeerError."""
        return self._good(self.get(path, **params)).body.decode(errors="replace")

    def json(self, path: str, **params: str) -> Any:
        """The JSON of a good answer. Raises PeerError."""
        return self.parsed(self._good(self.get(path, **params)).body)

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines of a good answer, one by one: it may be larger than one would keep. Raises PeerError."""
        rest = b""
        for status, chunk in self._chunks("GET", path, {}, MAX_LINES):
            self._good(Answer(status, b""))
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > MAX_ANSWER:
                raise PeerError(_("its answer has no lines"))
            yield from whole
        yield rest

    def send_json(self, method: str, path: str, payload: Any) -> Any:
        """The JSON of the good answer to a request that brings JSON. Raises PeerError."""
        return self.parsed(self._good(self._send(method, path, {}, payload=payload)).body)

    def _send(
        self,
        method: str,
        path: str,
        params: dict[str, str],
        headers: Mapping[str, str] = NO_HEADERS,
        payload: Any = None,
    ) -> Answer:
        status, body = 0, bytearray()
        for status, chunk in self._chunks(method, path, params, self.largest, headers, payload):  # noqa: B007
            body += chunk
        return Answer(status, bytes(body))

    def _chunks(  # noqa: PLR0913, PLR0917  (what a request has)
        self,
        method: str,
        path: str,
        params: dict[str, str],
        limit: int,
        more: Mapping[str, str] = NO_HEADERS,
        payload: Any = None,
    ) -> Iterator[tuple[int, bytes]]:
        """Status and body in pieces, within the limits."""
        asked: dict[str, Any] = {"params": params, "stream": True, **({} if payload is None else {"json": payload})}
        headers = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **more}
        try:
            with (
                nullcontext(self.session) if self.session else OutgoingSession("stack", self.seconds) as session,
                closing(session.request(method, self.url + path, headers=headers, **asked)) as got,
            ):
                yield got.status_code, b""
                for piece in pieces(got, seconds=self.seconds, limit=limit):
                    yield got.status_code, piece
        except RequestError as error:
            kind = reason(error)
            raise PeerError(
                why(error),
                absent="refused" in kind or "resolved" in kind,
                slow="in time" in kind,
                large="too large" in kind,
            ) from None
        except (UnicodeError, ValueError):
            raise PeerError(_("its address is none")) from None

    def _good(self, answer: Answer) -> Answer:
        if answer.status in {401, 403}:
            raise PeerError(_("it asks for a token, or refuses ours (%d)") % answer.status, status=answer.status)
        if not 200 <= answer.status < 300:
            raise PeerError(_("it answers with status %d") % answer.status, status=answer.status)
        return answer

    def parsed(self, body: bytes) -> Any:
        """The JSON of a body. Raises PeerError."""
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise PeerError(_(NOT_ITS_API)) from None


@dataclass(frozen=True)
class Prometheus(Peer):
    """Prometheus's API, version 1."""

    @classmethod
    def here(cls, seconds: float = SECONDS) -> "Prometheus":
        """The one of the settings."""
        return cls("Prometheus", settings.PORTAL_PROMETHEUS_URL, settings.PORTAL_PROMETHEUS_TOKEN, seconds)

    def api(self, path: str, **params: str) -> dict[str, Any]:
        """The ``data`` of ``/api/v1/PATH``. Raises PeerError, with Prometheus's own words where it has some."""
        return self._data(self.get(f"/api/v1/{path}", **params))

    def order(self, path: str, **params: str) -> dict[str, Any]:
        """The ``data`` of a POST to ``/api/v1/PATH``. Raises PeerError."""
        return self._data(self._send("POST", f"/api/v1/{path}", params))

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The labels and the value of each series of an instant query's answer. Raises PeerError."""
        found = self.api("query", query=expression, timeout=f"{self.seconds:g}s").get("result")
        if not isinstance(found, list):
            raise PeerError(_("its answer to a query is none"))
        try:
            return [(dict(row["metric"]), float(row["value"][1])) for row in found]
        except (TypeError, KeyError, ValueError, IndexError):
            raise PeerError(_("its answer to a query is none")) from None

    def _data(self, answer: Answer) -> dict[str, Any]:
        if answer.status in {401, 403}:
            self._good(answer)
        try:
            found = self.parsed(answer.body)
        except PeerError:
            self._good(answer)
            raise
        if isinstance(found, dict) and found.get("status") == "error":
            said = str(found.get("error", ""))[:300]
            raise PeerError(_("it says: %s") % said, status=answer.status, said=True)
        self._good(answer)
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, dict):
            raise PeerError(_(NOT_ITS_API))
        return data
