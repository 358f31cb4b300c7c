"""Figures that move smoothly with time, the same for the same guest and second.

Each is a function of time alone, so lists, single reads and charts agree with each other and need no history.
"""

from __future__ import annotations

import math

from simulator.model import Guest, Node

DAY = 86400.0
TAU = 2 * math.pi
MASK = 0xFFFFFFFF


def _random(salt: int, step: int) -> float:
    """Return a number from 0 to 1 that depends on nothing but its arguments."""
    value = (salt * 2654435761 + step * 40503 + 12345) & MASK
    value ^= value >> 15
    value = (value * 2246822519) & MASK
    value ^= value >> 13
    return (value & 0xFFFFFF) / 0xFFFFFF


def noise(salt: int, now: float, period: float) -> float:
    """Return a smooth noise from 0 to 1 that takes a new value every ``period`` seconds."""
    position = now / period
    step = math.floor(position)
    left, right = _random(salt, step), _random(salt, step + 1)
    share = position - step
    return left + (right - left) * share * share * (3 - 2 * share)


def guest_cpu(guest: Guest, now: float) -> float:
    """Return the used fraction of all the guest's cores (0 when it does not run)."""
    if not guest.running or guest.status == "paused":
        return 0.0
    return cpu_curve(guest.salt, now)


def cpu_curve(salt: int, now: float) -> float:
    """Return the CPU fraction of a running guest at any time."""
    base = 0.02 + 0.25 * _random(salt, 1) ** 2
    daily = 0.5 + 0.5 * math.sin(TAU * (now / DAY + _random(salt, 2)))
    return base * (0.35 + 0.8 * daily) + 0.18 * base + 0.35 * base * noise(salt, now, 90) + 0.002


def guest_mem(guest: Guest, now: float) -> int:
    """Return the used memory in bytes (0 when it does not run)."""
    return int(guest.maxmem * mem_curve(guest.salt, now)) if guest.running else 0


def mem_curve(salt: int, now: float) -> float:
    """Return the used fraction of memory of a running guest at any time."""
    return min(
        0.98, 0.25 + 0.6 * _random(salt, 3) + 0.05 * math.sin(TAU * now / 7000 + salt) + 0.04 * noise(salt, now, 600)
    )


def guest_disk(guest: Guest, now: float) -> int:
    """Return the used bytes of a running container's root; a VM's and a stopped container's are not known: 0."""
    if guest.is_vm or not guest.running:
        return 0
    return disk_curve(guest, now)


def disk_curve(guest: Guest, now: float) -> int:
    """Return the used bytes of a container's root at any time."""
    share = 0.1 + 0.6 * _random(guest.salt, 4) + 0.02 * math.sin(TAU * now / (5 * DAY) + guest.salt)
    return int(guest.maxdisk * min(0.97, share))


def rate(salt: int, which: int, now: float) -> float:
    """Return the bytes per second of counter ``which`` at a time."""
    level = 10 ** (2.5 + 3 * _random(salt, 10 + which))
    return level * (1 + 0.5 * math.sin(TAU * now / 1800 + salt + which))


def counter(guest: Guest, which: int, now: float) -> int:
    """Return the bytes since the guest's start: the integral of :func:`rate`, so it never goes back."""
    if not guest.running:
        return 0
    end = guest.paused_at if guest.status == "paused" and guest.paused_at else now
    level = 10 ** (2.5 + 3 * _random(guest.salt, 10 + which))
    omega, phase = TAU / 1800, guest.salt + which
    swing = (math.cos(omega * guest.started + phase) - math.cos(omega * end + phase)) / omega
    return max(0, int(level * ((end - guest.started) + 0.5 * swing)))


def guest_uptime(guest: Guest, now: float) -> int:
    """Return the seconds since the guest's start (0 when it does not run)."""
    return max(0, int(now - guest.started)) if guest.running else 0


def node_cpu(node: Node, now: float) -> float:
    """Return the used fraction of a node's cores."""
    salt = node.nodeid * 7919
    return 0.12 + 0.18 * (0.5 + 0.5 * math.sin(TAU * now / DAY + node.nodeid)) + 0.12 * noise(salt, now, 60)


def node_mem(node: Node, now: float) -> int:
    """Return the used bytes of a node's memory."""
    salt = node.nodeid * 104729
    return int(node.memory * (0.45 + 0.1 * _random(salt, 1) + 0.04 * noise(salt, now, 300)))


def node_disk(node: Node, now: float) -> int:
    """Return the used bytes of a node's root file system."""
    return int(node.rootfs * (0.14 + 0.05 * _random(node.nodeid, 5) + 0.01 * noise(node.nodeid, now, 3600)))


def node_load(node: Node, now: float) -> float:
    """Return a node's load average."""
    return node_cpu(node, now) * node.cores * 1.1


def storage_used(used: int, total: int, name: str, now: float) -> int:
    """Return the used bytes of a storage, which breathe a little around ``used``."""
    salt = sum(name.encode()) * 31
    return max(0, min(total, int(used * (1 + 0.01 * math.sin(TAU * now / DAY + salt)))))


def pressure(salt: int, now: float, which: int) -> float:
    """Return a pressure figure in percent, two digits."""
    return round(1.5 * noise(salt + which, now, 60) ** 3, 2)
