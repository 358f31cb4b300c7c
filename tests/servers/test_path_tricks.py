"""A word that a person or Proxmox gave never leads to another path: what would is refused before anything is sent."""

import ast
from pathlib import Path

import pytest

from servers.failover import credentials_of
from servers.models import Operation, OperationState, Server
from servers.operations import request_operation
from servers.proxmox import gateway as door
from servers.proxmox import notifications
from servers.proxmox.errors import Invalid, ProxmoxError
from servers.proxmox.gateway import Gateway
from servers.proxmox.moves import BackupOrder, JobOrder, MigrateOrder, RestoreOrder
from servers.proxmox.orders import CloneOrder
from tests.support.creating import ask_for, drive, vm

pytestmark = pytest.mark.django_db
TRICKS = [
    "../config", "..", ".", "100?x", "100#x", "a/../../config", "/etc", "a/b", "%2e%2e%2fconfig", "..%2Fconfig",
    "100%3Fx", "a\\b", "a b", "a\nb", "a\r\nHost: x", "",
]  # fmt: skip
GUEST = ("pve1", "qemu", 100)
# Each place of a path that holds a word, with the call that puts it there.
PLACES = {
    "node of a guest": lambda pve, word: pve.config(word, "qemu", 100),
    "kind of a guest": lambda pve, word: pve.guest_status("pve1", word, 100),
    "action": lambda pve, word: pve.power(*GUEST, word),
    "snapshot taken": lambda pve, word: pve.snapshot(*GUEST, word),
    "snapshot described": lambda pve, word: pve.describe_snapshot(*GUEST, word, "x"),
    "snapshot gone back to": lambda pve, word: pve.rollback(*GUEST, word),
    "snapshot deleted": lambda pve, word: pve.delete_snapshot(*GUEST, word),
    "snapshot read": lambda pve, word: pve.config(*GUEST, snapshot=word or "?"),
    "node of a backup": lambda pve, word: pve.back_up(word, BackupOrder(vmids=(100,), storage="pbs")),
    "node of a restore": lambda pve, word: pve.restore(word, "qemu", RestoreOrder(vmid=500, volume="pbs:backup/a")),
    "node of a target": lambda pve, word: pve.migrate(*GUEST, MigrateOrder(target=word)),
    "node of a clone": lambda pve, word: pve.clone(word, "qemu", 9000, CloneOrder(new_id=500, name="a")),
    "node of a storage": lambda pve, word: pve.volumes(word, "local"),
    "storage": lambda pve, word: pve.volumes("pve1", word),
    "storage of backups": lambda pve, word: pve.backups("pve1", word),
    "volume deleted": lambda pve, word: pve.delete_volume("pve1", f"local:{word}"),
    "volume changed": lambda pve, word: pve.edit_volume("pve1", f"local:backup/{word}", notes="x"),
    "storage of a volume": lambda pve, word: pve.delete_volume("pve1", f"{word}:backup/a"),
    "job made": lambda pve, word: pve.create_backup_job(word, JobOrder(schedule="02:30", vmids=(100,))),
    "job changed": lambda pve, word: pve.change_backup_job(word, JobOrder(enabled=False)),
    "job deleted": lambda pve, word: pve.delete_backup_job(word),
    "node of a task": lambda pve, word: pve.task_status(f"UPID:{word}:0:0:0:qmstart:100:root@pam:"),
    "log of a task": lambda pve, word: pve.task_log(f"UPID:{word}:0:0:0:qmstart:100:root@pam:", 0),
    "task cancelled": lambda pve, word: pve.cancel_task(f"UPID:pve1:0:0:0:qmstart:{word}/../../x:root@pam:"),
    "tasks of a node": lambda pve, word: pve.node_tasks(word, vmid=100, since=0),
    "figures of a node": lambda pve, word: pve.history(word, "qemu", 100, "hour"),
    "receiver": notifications.send_test,
    "matcher": lambda pve, word: notifications.remove(pve, "portal", word),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_word_of_a_path_leads_elsewhere(known, pve, place):
    pve.requests.clear()
    words = [word for word in TRICKS if not (word == "a/b" and place.startswith("volume"))]  # volumes lie in folders
    with Gateway(credentials_of(known), pve.url) as opened:
        for word in words:
            with pytest.raises(ProxmoxError):
                PLACES[place](opened, word)
    assert not pve.requests


@pytest.mark.parametrize(
    ("action", "field", "more"),
    [
        ("snapshot", "name", {}), ("rollback", "name", {}), ("delete_snapshot", "name", {}), ("migrate", "target", {}),
        ("back_up", "storage", {}), ("restore", "volume", {"stop": True}), ("resize", "disk", {"size": "80G"}),
    ],
)  # fmt: skip
def test_what_a_person_types_is_said_at_its_field_and_queues_nothing(known, ada, pve, action, field, more):
    ada.is_superuser = True
    pve.requests.clear()
    for word in filter(None, TRICKS):
        with pytest.raises(Invalid) as caught:
            request_operation(Server.objects.get(vmid=101), action, ada, {field: word, **more})
        assert field in caught.value.fields
    assert (list(pve.requests), Operation.objects.count()) == ([], 0)


def test_a_new_server_on_a_node_that_is_none_is_not_asked_for(known, ada, changes_asked):
    wanted = [vm(known, f"web-{number}", word) for number, word in enumerate(TRICKS) if word]
    operations = drive(*ask_for(ada, known, *wanted))
    assert {one.state for one in operations} == {OperationState.FAILED}
    assert changes_asked == []


JUDGED = {"segment", "checked", "guest_path", "_snapshot", "sid"}
# put together from such parts, or judged in the line above
NAMES = {"path", "ENDPOINTS", "MATCHERS", "volume", "volume.partition(':')[0]"}


def bare_words(file):
    """The values in the paths of a module that nothing has judged."""
    for text in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.JoinedStr)):
        literal = "".join(str(part.value) for part in text.values if isinstance(part, ast.Constant))
        if "/" not in literal or " " in literal:
            continue
        for part in (one for one in text.values if isinstance(one, ast.FormattedValue)):
            number = part.format_spec is not None and ast.unparse(part.format_spec) in ("'d'", "f'd'")
            called = part.value.func.id if isinstance(part.value, ast.Call) and hasattr(part.value.func, "id") else ""
            if not number and called not in JUDGED and ast.unparse(part.value) not in NAMES:
                yield f"{file.name}:{part.lineno}: {ast.unparse(part.value)}"


def test_every_word_in_a_path_passes_a_check():
    """Whoever adds a call and puts a bare word into its path is told here."""
    files = [file for file in Path(door.__file__).parent.glob("*.py") if not file.name.endswith("answers.py")]
    assert [found for file in files for found in bare_words(file)] == []
