"""The words and colours of what happened: changes, backups and their runs."""

from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.lib import clock, show
from servers.admin import labels
from servers.models import Backup, BackupRun, ChangeKind, NodeStatus, Outcome, Server, ServerStatus, StateChange

OUTCOME_TONES: Final[dict[str, str]] = {
    Outcome.RUNNING: show.CALM,
    Outcome.SUCCESS: show.GOOD,
    Outcome.WARNINGS: show.WARN,
    Outcome.FAILURE: show.BAD,
}
KIND_TONES: Final[dict[str, str]] = {
    ChangeKind.APPEARED: show.GOOD,
    ChangeKind.RETIRED: show.WARN,
    ChangeKind.SYNC: show.CALM,
}
WORDS: Final[dict[str, Any]] = {
    "available": gettext_lazy("available"),  # a storage
    **dict(NodeStatus.choices),
    **dict(ServerStatus.choices),
}
SIZES: Final = frozenset({"max_memory", "max_disk", "size"})


def outcome(run: BackupRun) -> SafeString:
    """How a run ended, as a label."""
    return show.badge(run.get_outcome_display(), OUTCOME_TONES.get(run.outcome, show.MUTED))


def length(run: BackupRun) -> str:
    """How long a run took, or has been taking."""
    return clock.span((run.ended_at or clock.now()) - run.started_at)


def says(run: BackupRun) -> SafeString | str:
    """Proxmox's last word about a run, shortened; the whole text is the tooltip."""
    if not run.message:
        return show.DASH
    return format_html('<span title="{}">{}</span>', run.message, Truncator(run.message).chars(70))


def of_server(row: Backup | BackupRun) -> SafeString | str:
    """The server that a backup or a run is of, or what is known where we have no such server."""
    if row.server:
        return labels.to(row.server)
    if row.vmid:
        return str(row.vmid)
    return _("several servers") if isinstance(row, BackupRun) else show.DASH


def backup_marks(backup: Backup) -> SafeString | str:
    """Gone, verified, protected, encrypted: what applies."""
    found: list[tuple[object, str]] = []
    if backup.gone_at:
        found.append((_("gone"), show.MUTED))
    if backup.verification:
        found.append((backup.get_verification_display(), show.GOOD if backup.verification == "ok" else show.BAD))
    if backup.protected:
        found.append((_("protected"), show.CALM))
    if backup.encrypted:
        found.append((_("encrypted"), show.CALM))
    return show.badges(found) if found else show.DASH


def volume(backup: Backup) -> SafeString:
    """What Proxmox calls it, without the storage's name."""
    return format_html(
        '<span class="pm-mono pm-volume" title="{0}">{1}</span>', backup.volid, backup.volid.split("/", 1)[-1]
    )


def change_kind(change: StateChange) -> SafeString:
    """What sort of change it was; a change of state wears the colour of the new state."""
    tone = KIND_TONES.get(change.kind, show.MUTED)
    if change.kind == ChangeKind.STATUS:
        tones = labels.NODE_TONES if change.node_id and not change.server_id else labels.STATUS_TONES
        tone = tones.get(change.new, show.MUTED)
    return show.badge(change.get_kind_display(), tone)


def change_text(change: StateChange) -> SafeString | str:
    """From what to what."""
    old, new = _value(change, change.old), _value(change, change.new)
    what = _field(change)
    if not old and not new:
        return what or show.DASH
    text = format_html("{} → {}", old, new) if old else format_html("{}", new)
    return format_html('<span class="pm-sub-inline">{}:</span> {}', what, text) if what else text


def _field(change: StateChange) -> str:
    """The column's name in the person's language; nothing where the kind says it already."""
    if not change.field or change.kind in {ChangeKind.STATUS, ChangeKind.MOVED, ChangeKind.SYNC}:
        return ""
    known = {column.name: column.verbose_name for column in Server._meta.fields}
    return str(known.get(change.field, change.field))


def _value(change: StateChange, text: str) -> str:
    """Sizes with their unit, states in the person's language, an absent value as a dash, others as they are."""
    if change.field in SIZES and text.isdecimal():
        return show.size(int(text))
    if change.kind == ChangeKind.STATUS:
        return str(WORDS.get(text, text))
    if change.kind == ChangeKind.SYNC:
        return {"ok": _("works"), "failing": _("fails")}.get(text, text)
    return Truncator(text).chars(120)
