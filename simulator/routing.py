"""The table of what the server can be asked. Each area registers its routes with the decorator :func:`route`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator import formats, params
from simulator.cluster import Cluster
from simulator.errors import not_implemented
from simulator.params import Param, Schema
from simulator.rights import Rights

PATH_PARAMS: dict[str, Param] = {"vmid": params.VMID, "snapname": formats.SNAPSHOT}


@dataclass
class Call:
    """One request: who asks (``user``, ``rights``), the values in its path, its checked parameters."""

    cluster: Cluster
    method: str
    path: str
    user: str
    rights: Rights
    values: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    token: bool = True

    @property
    def node(self) -> str:
        """The node in the path."""
        return str(self.values["node"])

    @property
    def vmid(self) -> int:
        """The guest's id in the path."""
        return int(self.values["vmid"])

    @property
    def kind(self) -> str:
        """``qemu`` or ``lxc``, from the path."""
        return "qemu" if "/qemu/" in self.path or self.path.endswith("/qemu") else "lxc"


@dataclass(frozen=True)
class Listing:
    """An answer with something beside ``data``, such as the total of a list that was cut."""

    data: Any
    beside: dict[str, Any]


@dataclass(frozen=True)
class Ready:
    """An answer that is already JSON, kept for the next caller; ``packed`` is the same after gzip."""

    plain: bytes
    packed: bytes


Handler = Callable[[Call], Any]


@dataclass(frozen=True)
class Route:
    """A method and path, its parameters, what is needed for it, and the function that answers.

    ``needs`` is (path, privileges): the path may hold ``{node}``, ``{vmid}``, ``{storage}``. ``proxied`` calls are
    answered by the node in the path, so they fail when it is down. ``unlocked`` handlers take the cluster's lock
    themselves, because they wait.
    """

    method: str
    segments: tuple[str, ...]
    schema: Schema
    needs: tuple[str, ...]
    proxied: bool
    unlocked: bool
    handler: Handler

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """Return the values in the path, or None if it is another. ``{name...}`` takes the rest, slashes and all."""
        values: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            if segment.endswith("...}"):
                values[segment[1:-4]] = "/".join(parts[index:])
                return values if index < len(parts) else None
            if index >= len(parts):
                return None
            if segment.startswith("{"):
                values[segment[1:-1]] = parts[index]
            elif segment != parts[index]:
                return None
        return values if len(parts) == len(self.segments) else None


ROUTES: list[Route] = []
_BY_METHOD: dict[tuple[str, str], list[Route]] = {}


def route(  # noqa: PLR0913 - the columns of the table
    method: str,
    path: str,
    *,
    takes: Schema | None = None,
    needs: tuple[str, ...] = (),
    proxied: bool | None = None,
    unlocked: bool = False,
) -> Callable[[Handler], Handler]:
    """Return a decorator that enters a function into the table.

    ``{type}`` in the path stands for both ``qemu`` and ``lxc``. Paths below a node are proxied unless told otherwise.
    """

    def enter(handler: Handler) -> Handler:
        for kind in ("qemu", "lxc") if "{type}" in path else ("",):
            segments = tuple(path.replace("{type}", kind).strip("/").split("/"))
            below_node = segments[:2] == ("nodes", "{node}")
            forwarded = below_node if proxied is None else proxied
            entry = Route(method, segments, takes or {}, needs, forwarded, unlocked, handler)
            ROUTES.append(entry)
            _BY_METHOD.setdefault((method, segments[0]), []).append(entry)
        return handler

    return enter


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the route of a request and the values in its path. Raises the 501 of something that does not exist."""
    parts = path.strip("/").split("/")
    for entry in _BY_METHOD.get((method, parts[0]), ()):
        values = entry.match(parts)
        if values is not None:
            return entry, values
    raise not_implemented(method, path)


def answer(entry: Route, call: Call, given: dict[str, Any]) -> Any:
    """Return what a route answers. Rights come first, then the node, then the parameters, as on a real server."""
    if entry.needs:
        path, *privileges = entry.needs
        call.rights.require(path.format(**call.values), *privileges)
    if entry.unlocked:
        with call.cluster.lock:
            _prepare(entry, call, given)
        return entry.handler(call)
    with call.cluster.lock:
        _prepare(entry, call, given)
        return entry.handler(call)


def _prepare(entry: Route, call: Call, given: dict[str, Any]) -> None:
    if entry.proxied:
        call.cluster.node(call.node)
    schema = {name: param for name, param in PATH_PARAMS.items() if name in call.values}
    call.values |= params.check(schema, {name: call.values[name] for name in schema})
    call.params = params.check(entry.schema, given)
