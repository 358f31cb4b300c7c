"""``manage.py servers create``: the form of new servers filled in from a command line, judged as it is in a browser."""

import time
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from servers import offers, requesting, shell
from servers.admin.creating.forms import NewServerForm
from servers.models import Blueprint, Operation, ServerRequest
from servers.operations import Refusal
from servers.tasks import run_operation, sync_cluster

# What is said in place of the blueprint's own, and what stands in the help.
FIELDS: Final[Mapping[str, str]] = {
    "ip": "dhcp, an address with its prefix, or a range", "gateway": "for fixed addresses", "node": "instead of spread",
    "cores": "of each", "memory": "of each, in MiB", "disk_gib": "of each, in GiB", "storage": "for the disks",
    "second_disk_gib": "of a second disk of each", "second_disk_storage": "for it", "second_disk_path": "in containers",
    "bridge": "of the network card", "vlan": "its tag", "second_bridge": "of a second card, by DHCP",
    "second_vlan": "its tag", "owner": "kept in the portal", "environment": "likewise",
    "tags": "in Proxmox", "description": "the notes in Proxmox", "reason": "what it is for",
}  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    """What the word takes."""
    parser.add_argument("blueprint", help="the name of the blueprint")
    parser.add_argument("names", help="one name, several with commas, or web-{01..20}")
    for name, text in FIELDS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help=text)
    parser.add_argument("--ssh-key-file", type=Path, metavar="FILE", help="public keys, in place of the blueprint's")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="with the password of the first log-in")
    parser.add_argument("--off", action="store_true", help="do not start it")


def create(user: Any, options: Mapping[str, Any]) -> ServerRequest:
    """Ask for them. Raises Fault with a sentence, and sentences by field."""
    blueprint = Blueprint.objects.filter(name=options["blueprint"], enabled=True).select_related("cluster").first()
    if blueprint is None:
        raise shell.Fault(f"No blueprint that is offered is called “{options['blueprint']}”.")
    offer = offers.of_cluster(blueprint.cluster)
    form = NewServerForm(blueprint, offer, _data(NewServerForm(blueprint, offer), options))
    if not form.is_valid():
        fields = {("" if name == "__all__" else name): " ".join(map(str, words)) for name, words in form.errors.items()}
        raise shell.Fault(" ".join(fields.values()), fields={name: words for name, words in fields.items() if name})
    names, reason = form.cleaned_data["names"], form.cleaned_data["reason"]
    try:
        return requesting.submit(
            user, blueprint.cluster, names, form.wanted, secrets=form.secrets, blueprint=blueprint, reason=reason
        )
    except Refusal as refusal:
        raise shell.Fault(str(refusal)) from None


def _data(blank: NewServerForm, options: Mapping[str, Any]) -> dict[str, Any]:
    data = {name: blank.get_initial_for_field(field, name) for name, field in blank.fields.items()}
    data |= {name: options[name] for name in ("names", *FIELDS) if options.get(name) is not None}
    for name, option in (("ssh_keys", "ssh_key_file"), ("password", "password_file")):
        if options.get(option):
            data[name] = _read(options[option])
    data["start"] = not options["off"]
    return {name: value for name, value in data.items() if value not in (None, False, "")}


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise shell.Fault(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'no text'}.") from None


def wait(request: ServerRequest, seconds: float) -> list[Operation]:
    """Until all of them are over, or that long. Whatever is due and that no worker does is done here."""
    until = time.monotonic() + seconds
    while True:
        rows = list(request.operations.select_related("server", "cluster").order_by("pk"))
        going = [row for row in rows if row.is_active]
        if not going or time.monotonic() > until:
            return rows
        for row in going:
            run_operation(row.pk)
        sync_cluster(request.cluster_id)  # if it is due: a new server is ready when a sync has seen it
        time.sleep(shell.PACE)


def outcome(request: ServerRequest) -> dict[str, Any]:
    """A request as plain values, with each of its servers."""
    rows = request.operations.select_related("server", "cluster").order_by("pk")
    servers = [
        shell.outcome(row) | {"name": row.parameters.get("name"), "address": row.kept.get("address")} for row in rows
    ]
    return {"request": request.pk, "state": request.state, "servers": servers}
