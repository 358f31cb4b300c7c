"""The forms for snapshots, backups and restores."""

from datetime import UTC, datetime
from typing import Any, Final

from django.utils import formats as words_of
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.lib import clock, show
from servers.admin.changing.base import ActionForm, choice, lines, storage_choices, text, tick
from servers.models import Backup, Kind, ServerStatus

MOST: Final = 200
MODES: Final = [
    ("snapshot", gettext_lazy("snapshot: it goes on running")),
    ("suspend", gettext_lazy("suspend: it pauses for a while")),
    ("stop", gettext_lazy("stop: it is shut down and started again, the surest copy")),
]
SNAPSHOT_NAME: Final = gettext_lazy("Begins with a letter; letters a-z, digits, hyphens and underscores.")
NOTES: Final = gettext_lazy("{{guestname}} and {{node}} are filled in.")
NEVER_PRUNED: Final = gettext_lazy("It is never pruned, and not deleted by hand.")


class SnapshotForm(ActionForm):
    """A name, and whether the memory is kept."""

    asked = ("snapshots", "can_snapshot")

    name = text(gettext_lazy("Name"), maxlength=40, help_text=SNAPSHOT_NAME)
    description = lines(gettext_lazy("Description"))
    memory = tick(
        gettext_lazy("With its memory"),
        help_text=gettext_lazy("It goes on where it was after a rollback. Takes as much space as it has memory."),
    )

    def prepare(self) -> None:
        """A name by the clock; memory where there is some."""
        self.initial = {"name": name_by_clock(), **self.initial}
        if self.server.kind != Kind.QEMU or self.server.status != ServerStatus.RUNNING:
            del self.fields["memory"]

    def points(self) -> list[Any]:
        """What is there already."""
        there = [row.name for row in self.found.snapshots]
        found = [_("A snapshot is no backup: it lies on the same disks, and slows them down the older it gets.")]
        if there:
            found.append(_("There are already: %(names)s.") % {"names": ", ".join(there[-10:])})
        return found

    def obstacle(self) -> str:
        """A disk that knows no snapshots."""
        if self.found.can_snapshot:
            return ""
        return _("One of its disks lies on a storage that cannot take snapshots. Back it up instead.")

    def clean_name(self) -> str:
        """Not one that there is."""
        name = str(self.cleaned_data["name"])
        if name in {row.name for row in self.found.snapshots}:
            self.add_error("name", _("There is a snapshot of that name. Choose another."))
        return name


def name_by_clock() -> str:
    """A name for a snapshot of now."""
    return f"portal-{timezone.localtime(clock.now()):%Y%m%d-%H%M}"


class OneSnapshotForm(ActionForm):
    """Base: which of its snapshots."""

    asked = ("snapshots",)

    name = choice(gettext_lazy("Snapshot"))

    def prepare(self) -> None:
        """The newest first."""
        self.choose("name", [(row.name, _described(row)) for row in reversed(self.found.snapshots)])

    def obstacle(self) -> str:
        """Where there is none."""
        return "" if self.found.snapshots else _("It has no snapshot. Take one first.")


class RollbackForm(OneSnapshotForm):
    """Back to a snapshot."""

    danger = True

    start = tick(
        gettext_lazy("Start it afterwards"),
        help_text=gettext_lazy("Without its memory in the snapshot it is stopped after the rollback."),
    )

    def points(self) -> list[Any]:
        """What is lost."""
        return [
            _("What it wrote to its disks since the snapshot is lost."),
            _("Its configuration goes back too: name, size, network."),
        ]

    def parameters(self) -> dict[str, Any]:
        """With whether it runs afterwards by itself."""
        memory = any(row.memory for row in self.found.snapshots if row.name == self.cleaned_data["name"])
        return super().parameters() | ({"memory": True} if memory else {})


class DeleteSnapshotForm(OneSnapshotForm):
    """A snapshot away."""

    danger = True

    def points(self) -> list[Any]:
        """What is lost."""
        return [_("The server stays as it is; what is lost is the way back to that moment.")]


class BackUpForm(ActionForm):
    """Where to, and how."""

    asked = ("backup_storages",)

    storage = choice(gettext_lazy("Storage"))
    mode = choice(
        gettext_lazy("Mode"),
        choices=MODES,
    )
    notes = text(gettext_lazy("Notes"), required=False, help_text=NOTES)
    protected = tick(gettext_lazy("Protected"), help_text=NEVER_PRUNED)

    def prepare(self) -> None:
        """The storages that its node has."""
        self.initial = {"notes": "{{guestname}}", **self.initial}
        self.choose("storage", storage_choices(self.found.backup_storages))

    def obstacle(self) -> str:
        """Where there is no storage for it."""
        if self.found.backup_storages:
            return ""
        return _("Its node has no storage for backups that the token may use (Datastore.Audit, AllocateSpace).")


class RestoreForm(ActionForm):
    """Which backup, and where its disks go."""

    asked = ("config", "disk_storages")
    danger = True

    volume = choice(gettext_lazy("Backup"))
    storage = choice(gettext_lazy("Storage for its disks"), required=False)
    stop = tick(gettext_lazy("Stop it first"), help_text=gettext_lazy("The plug is pulled: its disks are replaced."))
    start = tick(gettext_lazy("Start it afterwards"))
    confirm = tick(gettext_lazy("Its present disks may be lost"))

    def prepare(self) -> None:
        """Its backups, the newest first."""
        rows = Backup.objects.filter(server=self.server, gone_at=None, kind__in=("", self.server.kind))
        self.backups = list(rows.select_related("storage").order_by("-created_at")[:MOST])
        words = _("%(when)s on %(storage)s, %(size)s")
        choices = [
            (row.volid, words % {"when": when(row.created_at), "storage": row.storage.name,
                                 "size": show.size(row.size)})
            for row in self.backups
        ]  # fmt: skip
        self.choose("volume", choices)
        self.fields["start"].initial = self.server.expected == ServerStatus.RUNNING
        self.choose("storage", [("", _("where they were")), *storage_choices(self.found.disk_storages)])
        self.fields["confirm"].required = True
        if self.server.status == ServerStatus.STOPPED:
            del self.fields["stop"]

    def points(self) -> list[Any]:
        """What is lost."""
        return [
            _("Its disks are replaced by those in the backup; what was written since is lost."),
            _("If the restore fails midway, its disks may be gone: take a backup first where they still matter."),
        ]

    def obstacle(self) -> str:
        """No backup, or protected."""
        if not self.backups:
            return _("There is no backup of it on any storage. Back it up first.")
        if self.found.config and self.found.config.protection:
            return _("It is protected: take the protection away first (“Change”).")
        return ""

    def parameters(self) -> dict[str, Any]:
        """Without the promise."""
        return {name: value for name, value in super().parameters().items() if name != "confirm"}


def when(moment: datetime) -> str:
    """A date with its time, in the person's zone."""
    return str(words_of.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT"))


def _described(row: Any) -> str:
    parts = [row.name, when(datetime.fromtimestamp(row.taken, UTC))] if row.taken else [row.name]
    return ", ".join(
        [*parts, *([_("with memory")] if row.memory else []), *([row.description[:60]] * bool(row.description))]
    )
