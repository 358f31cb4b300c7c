"""``manage.py servers``: the servers from a shell, with the same operations and rights as in the admin."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, Final

from auditlog.context import set_actor
from django.core.management.base import BaseCommand, CommandError

from servers import shell
from servers.admin.creating import shell as creating
from servers.models import POWER, Action
from servers.operations import Refusal, request_operation
from servers.proxmox.errors import Invalid

HELP: Final = """List servers and act on them. Exits with 0 if it is done (or asked, without --wait), 1 if it failed,
2 if nothing was done, 3 if it is not over within the time to wait."""
WAIT: Final = 600
ASKS: Final[Mapping[str, str]] = {
    "snapshot": Action.SNAPSHOT, "back-up": Action.BACK_UP, "delete": Action.DELETE, "migrate": Action.MIGRATE,
    **{action.value: action.value for action in POWER},
}  # fmt: skip
COLUMNS: Final = ("cluster", "vmid", "name", "type", "status", "node", "address", "tags")


class Command(BaseCommand):
    """Lists, shows, and asks for operations."""

    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word for what to do, and what it needs."""
        words = parser.add_subparsers(dest="word", required=True, metavar="WHAT")
        listing = _add(words, "list", "the servers, by cluster and VMID")
        for name in ("cluster", "status", "tag"):
            listing.add_argument(f"--{name}", default="", help=f"only of that {name}")
        listing.add_argument("--retired", action="store_true", help="also those that are gone from Proxmox")
        _of_server(_add(words, "show", "one server"))
        for action in POWER:
            _acting(words, action.value, f"{action.value} a server")
        making = _add(words, "create", "new servers from a blueprint", acts=True)
        creating.add_arguments(making)
        _waiting(making)
        _add_changes(words)

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with one of the codes; with --json the reason is JSON too."""
        try:
            self._do(options)
        except shell.Fault as fault:
            if options["json"]:
                self._tell({"error": fault.sentence, "fields": fault.fields})
                raise SystemExit(fault.code) from None
            fields = "".join(f"\n  {name}: {words}" for name, words in fault.fields.items() if words != fault.sentence)
            raise CommandError(f"{fault.sentence}{fields}", returncode=fault.code) from None

    def _do(self, options: dict[str, Any]) -> None:
        user = shell.person(options["user"]) if options.get("user") else None
        if options["word"] == "list":
            self._list(user, options)
        elif options["word"] == "show":
            self._show(shell.facts(shell.find(options["server"], user)), options)
        elif options["word"] == "create":
            self._create(user, options)
        else:
            self._act(user, options)

    def _list(self, user: Any, options: dict[str, Any]) -> None:
        named = {name: options[name] for name in ("cluster", "status", "tag", "retired")}
        rows = [shell.facts(server) for server in shell.listed(user, **named)]
        if options["json"]:
            return self._tell(rows)
        cells = [list(COLUMNS)] + [[_cell(row[name]) for name in COLUMNS] for row in rows]
        widths = [max(len(line[at]) for line in cells) for at in range(len(COLUMNS))]
        for line in cells:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        return None

    def _show(self, facts: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            return self._tell(facts)
        for name, value in facts.items():
            self.stdout.write(f"{name:<12} {_cell(value)}")
        return None

    def _create(self, user: Any, options: dict[str, Any]) -> None:
        with set_actor(user):
            request = creating.create(user, options)
        rows = creating.wait(request, options["wait"]) if options["wait"] is not None else []
        if options["json"]:
            self._tell(creating.outcome(request))
        else:
            self.stdout.write(f"{request} (#{request.pk}): {request.get_state_display()}.")
            for row in rows:
                words = row.kept.get("address") or row.message or row.waiting_for
                self.stdout.write(f"{row.subject}: {row.get_state_display()}. {words}".rstrip())
        if code := max((shell.code_of(row) for row in rows), default=0):
            raise SystemExit(code)

    def _act(self, user: Any, options: dict[str, Any]) -> None:
        server = shell.find(options["server"], user)
        try:
            with set_actor(user):
                operation = request_operation(server, ASKS[options["word"]], user, _parameters(options))
        except Invalid as error:
            raise shell.Fault(error.sentence, fields=dict(error.fields)) from None
        except Refusal as refusal:
            raise shell.Fault(str(refusal)) from None
        if options["wait"] is not None:
            operation = shell.wait(operation, options["wait"])
        if options["json"]:
            self._tell(shell.outcome(operation))
        else:
            words = operation.message or operation.waiting_for
            self.stdout.write(f"{operation} (#{operation.pk}): {operation.get_state_display()}. {words}".rstrip())
        if options["wait"] is not None and (code := shell.code_of(operation)):
            raise SystemExit(code)

    def _tell(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, ensure_ascii=False, indent=2))


def _add(words: Any, name: str, text: str, *, acts: bool = False) -> ArgumentParser:
    parser: ArgumentParser = words.add_parser(name, help=text)
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.add_argument("--user", metavar="NAME", required=acts, help="whose rights count")
    return parser


def _of_server(parser: ArgumentParser) -> None:
    parser.add_argument("server", help="its name or VMID, or CLUSTER/VMID where several have it")


def _acting(words: Any, name: str, text: str) -> ArgumentParser:
    parser = _add(words, name, text, acts=True)
    _of_server(parser)
    _waiting(parser)
    return parser


def _waiting(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--wait", nargs="?", type=float, const=WAIT, metavar="SECONDS",
        help=f"until it is over, at most that long ({WAIT} if not said)",
    )  # fmt: skip


def _add_changes(words: Any) -> None:
    snapshot = _acting(words, "snapshot", "take a snapshot")
    snapshot.add_argument("--name", required=True, help="of the snapshot")
    snapshot.add_argument("--description", default="")
    snapshot.add_argument("--memory", action="store_true", help="with the memory of a running VM")
    backup = _acting(words, "back-up", "back up now")
    backup.add_argument("--storage", required=True)
    backup.add_argument("--mode", default="snapshot", choices=["snapshot", "suspend", "stop"])
    backup.add_argument("--notes", default="{{guestname}}")
    backup.add_argument("--protected", action="store_true", help="never pruned")
    migrate = _acting(words, "migrate", "move to another node")
    migrate.add_argument("--target", required=True, metavar="NODE")
    migrate.add_argument("--storage", default="", help="for disks that are not shared")
    migrate.add_argument("--local_disks", "--local-disks", action="store_true", help="of a running VM go along")
    migrate.add_argument("--restart", action="store_true", help="a running container may be restarted")
    delete = _acting(words, "delete", "delete it from Proxmox, with its disks")
    delete.add_argument("--confirm", required=True, metavar="NAME", help="its name, letter by letter")
    delete.add_argument("--stop", action="store_true", help="stop it first")
    delete.add_argument("--keep-in-jobs", dest="purge", action="store_false", help="leave it in backup jobs and HA")


ASKED: Final[Mapping[str, tuple[str, ...]]] = {
    "snapshot": ("name", "description", "memory"),
    "back-up": ("storage", "mode", "notes", "protected"),
    "migrate": ("target", "storage", "local_disks", "restart"),
    "delete": ("confirm", "stop", "purge"),
}


def _parameters(options: dict[str, Any]) -> dict[str, Any]:
    given = {name: options[name] for name in ASKED.get(options["word"], ())}
    return {name: value for name, value in given.items() if value or name == "purge"}


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value) or "-"
    return "-" if value in (None, "") else str(value)
