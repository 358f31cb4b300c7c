"""The parts of a backup that belong to Prometheus, Alertmanager and Grafana. Each function saves one and says how it
went; a program that is not there is skipped."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.prometheus import PeerError, Prometheus
from monitoring.stack_files import Trouble, databases, files
from monitoring.stack_files.manifest import FAILED, SAVED, SKIPPED, Part
from monitoring.stack_files.sources import SNAPSHOT_SECONDS, Sources, in_folder

DASHBOARDS: Final = "5000"


def prometheus_config(sources: Sources, target: Path) -> Part:
    """Its configuration as it has loaded it, and the files that it was loaded from."""
    name, prometheus = "Prometheus: configuration", sources.prometheus
    try:
        version = str(prometheus.api("status/buildinfo").get("version", ""))
        loaded = str(prometheus.api("status/config").get("yaml", ""))
        flags, runtime = prometheus.api("status/flags"), prometheus.api("status/runtimeinfo")
        groups = prometheus.api("rules").get("groups")
    except PeerError as error:
        return _unanswered(name, "Prometheus", error)
    files.write(target / "as-loaded.yml", loaded.encode())
    config = in_folder(flags.get("config.file"), runtime.get("CWD"))
    paths = {config, *(in_folder(row.get("file"), runtime.get("CWD")) for row in groups or [] if isinstance(row, dict))}
    absent, refused = _copy_each({path: target / _beside(path, config.parent) for path in sorted(paths)})
    if refused:
        return Part(name, FAILED, " ".join([_("Saved as it is loaded."), *refused]), version)
    if absent:
        words = _("Saved as it is loaded; these files are not here: %s.")
        return Part(name, SAVED, words % ", ".join(path.name for path in absent), version)
    return Part(name, SAVED, ngettext("%d file.", "%d files.", len(paths)) % len(paths), version)


def prometheus_data(sources: Sources, target: Path) -> Part:
    """A snapshot of its measurements, which it makes itself: files that it is writing cannot be copied soundly."""
    name = "Prometheus: data"
    try:
        flags = sources.prometheus.api("status/flags")
        if flags.get("web.enable-admin-api") != "true":
            return Part(name, SKIPPED, _("Its administration API is off, so it makes no snapshot: start it with "
                                         "--web.enable-admin-api where nobody else reaches it."))  # fmt: skip
        data = in_folder(flags.get("storage.tsdb.path"), sources.prometheus.api("status/runtimeinfo").get("CWD"))
        # It would keep for ever what nobody here can remove.
        if objection := _not_ours_to_clear(data):
            return Part(name, FAILED, objection)
        patient = Prometheus("Prometheus", sources.prometheus.url, sources.prometheus.token, SNAPSHOT_SECONDS)
        made = str(patient.order("admin/tsdb/snapshot").get("name", ""))
    except PeerError as error:
        return _unanswered(name, "Prometheus", error)
    snapshot = data / "snapshots" / made
    if not made or "/" in made or not snapshot.is_dir():
        words = _(
            "Prometheus made the snapshot %s, which is not here: remove it where it is, and run this on its machine."
        )
        return Part(name, FAILED, words % snapshot)
    return _moved(name, snapshot, target)


def _not_ours_to_clear(data: Path) -> str:
    """Why a snapshot in that folder could not be copied and removed; '' where it can."""
    if not os.path.isdir(data):  # Path raises where one may not look
        return _("Its folder %s cannot be read from here: run this on its machine, as a user who may read it and write "
                 "in it.") % data  # fmt: skip
    place = data / "snapshots"
    place = place if os.path.isdir(place) else data
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return _("This user may not write in %s, so a snapshot would stay there: run this as Prometheus's user or as "
                 "root.") % data  # fmt: skip
    return ""


def _moved(name: str, snapshot: Path, target: Path) -> Part:
    """The snapshot copied, and removed where it was."""
    state, number = SAVED, 0
    try:
        number = files.copy_tree(snapshot, target)
        sentence = ngettext("%d file of a snapshot.", "%d files of a snapshot.", number) % number
    except Trouble as trouble:
        shutil.rmtree(target, ignore_errors=True)  # half of it would not be sound
        state, sentence = FAILED, str(trouble)
    finally:
        shutil.rmtree(snapshot, ignore_errors=True)
    if snapshot.exists():
        words = _("The snapshot %s could not be removed: remove it by hand, as a user who may.")
        state, sentence = FAILED, f"{sentence} {words % snapshot}"
    return Part(name, state, sentence)


def alertmanager(sources: Sources, target: Path) -> Part:
    """Its configuration and its silences."""
    name, path = "Alertmanager", sources.alertmanager_file()
    copied, refused = _copy_named(path, target / "alertmanager.yml", sources.alertmanager_config)
    try:
        version = _at(sources.alertmanager.json("/api/v2/status"), "versionInfo", "version")
        silences = sources.alertmanager.json("/api/v2/silences")
    except PeerError as error:
        if refused:
            return Part(name, FAILED, refused)
        if not copied:
            return _unanswered(name, name, error)
        return Part(name, SAVED, _("The configuration of %(path)s; no silences, for %(why)s.") % {
            "path": path, "why": error,
        })  # fmt: skip
    files.write(target / "silences.json", json.dumps(silences, indent=1).encode())
    if refused:
        return Part(name, FAILED, _("Its silences are saved.") + " " + refused, version)
    if not copied:
        return Part(name, FAILED, _("Its silences are saved; its configuration was not found: name it with "
                                    "--alertmanager-config."), version)  # fmt: skip
    return Part(name, SAVED, _("Configuration of %(path)s and %(count)d silences.") % {
        "path": path, "count": len(silences) if isinstance(silences, list) else 0,
    }, version)  # fmt: skip


def grafana_files(sources: Sources, target: Path) -> Part:
    """Its settings, what it provisions, and its database."""
    name, saved, refused = "Grafana: settings and database", [], []
    for save in (_grafana_settings, _grafana_database):
        try:
            saved += save(sources, target)
        except Trouble as trouble:
            refused.append(str(trouble))
    if refused:
        return Part(name, FAILED, " ".join([*refused, *([_("Saved: %s.") % ", ".join(saved)] if saved else [])]))
    if not saved:
        return Part(name, SKIPPED, _("Found neither grafana.ini nor grafana.db: name them with --grafana-ini and "
                                     "--grafana-database if it is installed."))  # fmt: skip
    without = "" if sources.grafana_file() else " " + _("Its database was not found, so it is not in here.")
    return Part(name, SAVED, ", ".join(saved) + "." + without)


def _grafana_settings(sources: Sources, target: Path) -> list[str]:
    """What was saved of them. Raises Trouble."""
    ini = sources.ini_file()
    copied, refused = _copy_named(ini, target / "grafana.ini", sources.grafana_ini)
    if refused:
        raise Trouble(refused)
    if ini is None or not copied:
        return []
    for path in files.tree(ini.parent / "provisioning"):
        if path.suffix in {".yml", ".yaml"}:
            files.copy(path, target / path.relative_to(ini.parent))
    return [str(ini)]


def _grafana_database(sources: Sources, target: Path) -> list[str]:
    path = sources.grafana_file()
    if path is None:
        return []
    databases.save_sqlite(path, target / "grafana.db")
    return [str(path)]


def grafana_dashboards(sources: Sources, target: Path) -> Part:
    """Every dashboard, by its uid."""
    name, grafana = "Grafana: dashboards", sources.grafana
    try:
        version = _at(grafana.json("/api/health"), "version")
        found = grafana.json("/api/search", type="dash-db", limit=DASHBOARDS)
        uids = [str(row["uid"]) for row in found]
        for uid in uids:
            content = grafana.json(f"/api/dashboards/uid/{quote(uid, safe='')}")
            files.write(target / f"{quote(uid, safe='')}.json", json.dumps(content, indent=1).encode())
    except PeerError as error:
        if error.status in {401, 403}:
            return Part(name, SKIPPED, _("Grafana asks who wants them: put the token of a service account with the "
                                         "role Viewer into PORTAL_GRAFANA_TOKEN."))  # fmt: skip
        return _unanswered(name, "Grafana", error)
    except (TypeError, KeyError):
        return Part(name, FAILED, _("Grafana's list of dashboards is none."))
    return Part(name, SAVED, ngettext("%d dashboard.", "%d dashboards.", len(uids)) % len(uids), version)


def _unanswered(name: str, program: str, error: PeerError) -> Part:
    if error.absent:
        return Part(name, SKIPPED, _("%(program)s is not there: %(why)s.") % {"program": program, "why": error})
    return Part(name, FAILED, _("%(program)s could not be asked: %(why)s.") % {"program": program, "why": error})


def _copy_each(paths: dict[Path, Path]) -> tuple[list[Path], list[str]]:
    """Copy each to its place: those that are not there, and sentences about those that cannot be read. Raises OSError
    where a copy cannot be written."""
    absent, refused = [], []
    for path, target in paths.items():
        try:
            content = files.read(path)
        except Trouble as trouble:
            refused.append(str(trouble))
            continue
        if content is None:
            absent.append(path)
        else:
            files.write(target, content)
    return absent, refused


def _copy_named(path: Path | None, target: Path, named: Path | None) -> tuple[bool, str]:
    """Whether that file was copied, and what is to be said if it was not: one that somebody ``named`` must be there."""
    if path is None:
        return False, ""
    absent, refused = _copy_each({path: target})
    if absent and path == named:
        refused.append(_("%s is not there: name the file that is.") % path)
    return not absent and not refused, " ".join(refused)


def _beside(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else Path("rules") / path.name


def _at(found: Any, *path: str) -> str:
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return str(found or "")
