"""Version, log-in and rights."""

from __future__ import annotations

from typing import Any

from simulator import auth
from simulator.params import FLAG, TEXT, required
from simulator.routing import Call, route


@route("GET", "/version")
def version(call: Call) -> Any:
    """Return the version of the server."""
    release = call.cluster.release
    return {"version": release.version, "release": release.release, "repoid": release.repoid}


@route("GET", "/access/permissions", takes={"path": TEXT, "userid": TEXT})
def permissions(call: Call) -> Any:
    """Return what the caller may do: path -> {privilege: 1}."""
    path = call.params.get("path")
    if path:
        return {path: dict.fromkeys(sorted(call.rights.on(path)), 1)}
    # the server lists the members of pools one by one, and no other guest unless it has an entry of its own
    return call.rights.listing(f"/vms/{guest.vmid}" for guest in call.cluster.guests.values() if guest.pool)


@route(
    "POST",
    "/access/ticket",
    takes={"username": required(TEXT), "password": required(TEXT), "realm": TEXT, "new-format": FLAG, "otp": TEXT},
)
def ticket(call: Call) -> Any:
    """Return a ticket and its CSRF token, good for two hours. Raises the 401 of a failed log-in."""
    username = call.params["username"]
    if "realm" in call.params and "@" not in username:
        username = f"{username}@{call.params['realm']}"
    return auth.log_in(call.cluster, username, call.params["password"])
