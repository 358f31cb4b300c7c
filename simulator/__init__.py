"""A small Proxmox VE server over HTTPS, for the demo and for tests: the other side of the wire."""

from simulator.simulator import Simulator

__all__ = ["Simulator"]
