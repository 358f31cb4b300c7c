"""A simulated Proxmox VE cluster and the portal's row for it."""

from pathlib import Path

from servers.models import Cluster, TlsMode
from simulator import Simulator

SHARED = Path(__file__).resolve().parents[3] / "shared" / "pve"


def connect(pve: Simulator, name: str = "demo", **columns) -> Cluster:
    """The cluster's row, pinned to the simulator's certificate."""
    fields = {
        "name": name,
        "endpoints": [pve.url],
        "token_id": pve.token_id,
        "token_secret": pve.token_secret,
        "tls_mode": TlsMode.FINGERPRINT,
        "fingerprint": pve.fingerprint,
    } | columns
    return Cluster.objects.create(**fields)
