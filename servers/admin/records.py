"""The words and colours of what happened: changes, backups and their runs."""

from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from portal.lib import clock, show
from servers.admin import labels
from servers.models import Backup, BackupRun, ChangeKind, Outcome, StateChange

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
# Their kind says already what changed.
PLAIN: Final = frozenset({ChangeKind.STATUS, ChangeKind.MOVED, ChangeKind.RETIRED, ChangeKind.SYNC})


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
    old, new = _value(change.before), _value(change.after)
    what = "" if change.kind in PLAIN else change.column
    if not old and not new:
        return what or show.DASH
    text = format_html("{} → {}", old, new or show.DASH) if old else format_html("{}", new)
    return format_html('<span class="pm-sub-inline">{}:</span> {}', what, text) if what else text


def _value(text: str) -> str:
    return Truncator(text).chars(120)
