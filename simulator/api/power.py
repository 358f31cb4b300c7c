"""Power: what is refused at once, and which task does the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.errors import failure
from simulator.model import Guest
from simulator.params import COUNT, FLAG, TEXT, Param, Schema
from simulator.power import Power
from simulator.routing import Call, route
from simulator.tasks import Body, Task

MAY = ("/vms/{vmid}", "VM.PowerMgmt")
START: dict[str, Schema] = {
    "qemu": {"timeout": COUNT, "skiplock": FLAG, "machine": TEXT, "force-cpu": TEXT, "migratedfrom": TEXT,
             "stateuri": TEXT,             "targetstorage": TEXT, "migration_type": TEXT, "migration_network": TEXT},
    "lxc": {"skiplock": FLAG, "debug": FLAG},
}  # fmt: skip
STOP: dict[str, Schema] = {
    "qemu": {"timeout": COUNT, "skiplock": FLAG, "keepActive": FLAG, "migratedfrom": TEXT, "overrule-shutdown": FLAG},
    "lxc": {"skiplock": FLAG, "overrule-shutdown": FLAG},
}
SHUTDOWN: dict[str, Schema] = {
    "qemu": {"timeout": COUNT, "forceStop": FLAG, "skiplock": FLAG, "keepActive": FLAG},
    "lxc": {"timeout": COUNT, "forceStop": FLAG},
}
TIMEOUT: Param = COUNT


def _run(call: Call, action: str, make: Callable[[Power], Callable[[Task], Body]]) -> str:
    """Start the task ``qm…`` or ``vz…`` and return its UPID."""
    power = Power(call.cluster, call.node, call.kind, call.vmid, call.params)
    prefix = "" if action.startswith("ha") else "qm" if call.kind == "qemu" else "vz"
    return call.cluster.book.start(call.node, prefix + action, call.vmid, call.user, make(power))


def _found(call: Call) -> Guest | None:
    return call.cluster.find(call.node, call.kind, call.vmid)


def _ha_managed(call: Call) -> bool:
    guest = _found(call)
    return guest is not None and bool(guest.hastate)


def _required(call: Call) -> Guest:
    """Return the guest. Raises the 500 of calls that look whether it runs before they do anything."""
    guest = _found(call)
    if guest is None and call.kind == "lxc":
        raise failure(f"CT {call.vmid} not running")
    if guest is None:
        raise failure(f"unable to find configuration file for VM {call.vmid} on node '{call.node}'")
    return guest


def _require_running(call: Call, word: str = "") -> Guest:
    guest = _required(call)
    if not guest.running:
        raise failure(f"{word or guest.kind} {guest.vmid} not running")
    return guest


def _refuse_paused(call: Call) -> None:
    guest = _found(call)
    if guest and guest.status == "paused" and not call.params.get("forceStop"):
        raise failure("VM is paused - cannot shutdown")


@route("POST", "/nodes/{node}/qemu/{vmid}/status/start", takes=START["qemu"], needs=MAY)
def start_vm(call: Call) -> Any:
    """Return the task that starts a virtual machine; whatever is wrong with that, the task says."""
    call.cluster.require_quorum()
    if _ha_managed(call):
        return _run(call, "hastart", lambda power: power.ha_request)
    return _run(call, "start", lambda power: power.start)


@route("POST", "/nodes/{node}/lxc/{vmid}/status/start", takes=START["lxc"], needs=MAY)
def start_container(call: Call) -> Any:
    """Return the task that starts a container. Raises the 500 of one that runs."""
    guest = _found(call)
    if guest and guest.running:
        raise failure(f"CT {call.vmid} already running")
    return start_vm(call)


@route("POST", "/nodes/{node}/qemu/{vmid}/status/stop", takes=STOP["qemu"], needs=MAY)
def stop_vm(call: Call) -> Any:
    """Return the task that stops a virtual machine at once."""
    if _ha_managed(call):
        return _run(call, "hastop", lambda power: power.ha_request)
    return _run(call, "stop", lambda power: power.stop)


@route("POST", "/nodes/{node}/lxc/{vmid}/status/stop", takes=STOP["lxc"], needs=MAY)
def stop_container(call: Call) -> Any:
    """Return the task that stops a container at once. Raises the 500 of one that does not run."""
    _require_running(call)
    return stop_vm(call)


@route("POST", "/nodes/{node}/qemu/{vmid}/status/shutdown", takes=SHUTDOWN["qemu"], needs=MAY)
def shutdown_vm(call: Call) -> Any:
    """Return the task that asks a virtual machine to go down. Raises the 500 of a paused one."""
    _refuse_paused(call)
    if _ha_managed(call):
        return _run(call, "hastop", lambda power: power.ha_request)
    paused = (guest := _found(call)) is not None and guest.status == "paused"
    return _run(call, "shutdown", lambda power: power.stop if paused else power.shutdown)


@route("POST", "/nodes/{node}/lxc/{vmid}/status/shutdown", takes=SHUTDOWN["lxc"], needs=MAY)
def shutdown_container(call: Call) -> Any:
    """Return the task that asks a container to go down. Raises the 500 of one that does not run."""
    _require_running(call)
    return shutdown_vm(call)


@route("POST", "/nodes/{node}/{type}/{vmid}/status/reboot", takes={"timeout": TIMEOUT}, needs=MAY)
def reboot(call: Call) -> Any:
    """Return the task that reboots a guest. Raises the 500 of one that does not run (and calls both kinds VM)."""
    _require_running(call, "VM")
    _refuse_paused(call)
    return _run(call, "reboot", lambda power: power.reboot)


@route("POST", "/nodes/{node}/qemu/{vmid}/status/reset", takes={"skiplock": FLAG}, needs=MAY)
def reset(call: Call) -> Any:
    """Return the task that resets a virtual machine. Raises the 500 of one that does not run."""
    _require_running(call)
    return _run(call, "reset", lambda power: power.reset)


@route(
    "POST",
    "/nodes/{node}/qemu/{vmid}/status/suspend",
    takes={"todisk": FLAG, "statestorage": TEXT, "skiplock": FLAG},
    needs=MAY,
)
def suspend(call: Call) -> Any:
    """Return the task that pauses a virtual machine, in memory or to disk. Raises the 500 of one that does not run."""
    _require_running(call)
    if call.params.get("todisk"):
        return _run(call, "suspend", lambda power: power.hibernate)
    return _run(call, "pause", lambda power: power.pause)


@route("POST", "/nodes/{node}/qemu/{vmid}/status/resume", takes={"skiplock": FLAG, "nocheck": FLAG}, needs=MAY)
def resume(call: Call) -> Any:
    """Return the task that lets a virtual machine go on. Raises the 500 of one that does not run."""
    if _required(call).lock != "suspended":
        _require_running(call)
    return _run(call, "resume", lambda power: power.resume)


@route("POST", "/nodes/{node}/lxc/{vmid}/status/suspend", needs=MAY)
def suspend_container(call: Call) -> Any:
    """Return a task that fails: containers cannot be suspended as nodes are delivered."""
    _require_running(call)
    return _run(call, "suspend", lambda power: power.checkpoint)


@route("POST", "/nodes/{node}/lxc/{vmid}/status/resume", needs=MAY)
def resume_container(call: Call) -> Any:
    """Return a task that fails. Raises the 500 of a container that runs."""
    guest = _found(call)
    if guest and guest.running:
        raise failure(f"CT {call.vmid} already running")
    return _run(call, "resume", lambda power: power.checkpoint)
