"""What becomes of a disk whose place another one takes."""

from __future__ import annotations

import pytest

from simulator import Simulator
from tests.simulator.conftest import Client


@pytest.mark.parametrize(("kind", "place", "more"), [("qemu", "scsi1", ""), ("lxc", "mp0", ",mp=/data")])
def test_a_disk_that_is_pushed_out_stays_as_an_unused_one(
    pve: Simulator, client: Client, kind: str, place: str, more: str
) -> None:
    vmid = pve.add_guest(name="test-disks", node="pve1", type=kind, status="stopped")
    path = f"/nodes/pve1/{kind}/{vmid}/config"
    for _twice in range(2):
        assert client.ask("PUT", path, data={place: f"local-lvm:4{more}"}).status_code == 200
    first, second = (str(client.get(path)[name]).split(",")[0] for name in ("unused0", place))
    assert first != second
    client.ask("PUT", path, data={place: f"{second}{more},backup=1"})  # the same one, described anew
    assert "unused1" not in client.get(path)
    pve.cluster.guests.pop(vmid)
