"""The parts of a backup that belong to Prometheus, Alertmanager and Grafana. Each function saves one and says how it
went; a program that is not there is skipped."""

import json
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
    missed = [path.name for path in sorted(paths) if not _copied(path, target / _beside(path, config.parent))]
    if missed:
        words = _("Saved as it is loaded; these files cannot be read from here: %s.")
        return Part(name, SAVED, words % ", ".join(missed), version)
    return Part(name, SAVED, ngettext("%d file.", "%d files.", len(paths)) % len(paths), version)


def prometheus_data(sources: Sources, target: Path) -> Part:
    """A snapshot of its measurements, which it makes itself: files that it is writing cannot be copied soundly."""
    name = "Prometheus: data"
    try:
        flags = sources.prometheus.api("status/flags")
        if flags.get("web.enable-admin-api") != "true":
            return Part(name, SKIPPED, _("Its administration API is off, so it makes no snapshot: start it with "
                                         "--web.enable-admin-api where nobody else reaches it."))  # fmt: skip
        cwd = sources.prometheus.api("status/runtimeinfo").get("CWD")
        patient = Prometheus("Prometheus", sources.prometheus.url, sources.prometheus.token, SNAPSHOT_SECONDS)
        made = str(patient.order("admin/tsdb/snapshot").get("name", ""))
    except PeerError as error:
        return _unanswered(name, "Prometheus", error)
    snapshot = in_folder(flags.get("storage.tsdb.path"), cwd) / "snapshots" / made
    if not made or "/" in made or not snapshot.is_dir():
        return Part(name, FAILED, _("Prometheus made the snapshot %s, which cannot be read from here: run this on its "
                                    "machine, as a user who may read its folder.") % snapshot)  # fmt: skip
    try:
        number = files.copy_tree(snapshot, target)
    finally:
        shutil.rmtree(snapshot, ignore_errors=True)  # Prometheus itself would keep it for ever
    return Part(name, SAVED, ngettext("%d file of a snapshot.", "%d files of a snapshot.", number) % number)


def alertmanager(sources: Sources, target: Path) -> Part:
    """Its configuration and its silences."""
    name, path = "Alertmanager", sources.alertmanager_file()
    copied = path is not None and _copied(path, target / "alertmanager.yml")
    try:
        version = _at(sources.alertmanager.json("/api/v2/status"), "versionInfo", "version")
        silences = sources.alertmanager.json("/api/v2/silences")
    except PeerError as error:
        if not copied:
            return _unanswered(name, name, error)
        return Part(name, SAVED, _("The configuration of %(path)s; no silences, for %(why)s.") % {
            "path": path, "why": error,
        })  # fmt: skip
    files.write(target / "silences.json", json.dumps(silences, indent=1).encode())
    if not copied:
        return Part(name, FAILED, _("Its silences are saved; its configuration was not found: name it with "
                                    "--alertmanager-config."), version)  # fmt: skip
    return Part(name, SAVED, _("Configuration of %(path)s and %(count)d silences.") % {
        "path": path, "count": len(silences) if isinstance(silences, list) else 0,
    }, version)  # fmt: skip


def grafana_files(sources: Sources, target: Path) -> Part:
    """Its settings, what it provisions, and its database."""
    name, saved = "Grafana: settings and database", []
    ini, database = sources.ini_file(), sources.grafana_file()
    if ini is not None and _copied(ini, target / "grafana.ini"):
        saved.append(str(ini))
    provisioning = ini.parent / "provisioning" if saved and ini is not None else None
    if provisioning is not None and provisioning.is_dir():
        for path in sorted(path for path in provisioning.rglob("*.y*ml") if path.is_file()):
            _copied(path, target / "provisioning" / path.relative_to(provisioning))
    if database is not None:
        try:
            databases.save_sqlite(database, target / "grafana.db")
            saved.append(str(database))
        except (Trouble, OSError) as error:
            return Part(name, FAILED, str(error))
    if not saved:
        return Part(name, SKIPPED, _("Found neither grafana.ini nor grafana.db: name them with --grafana-ini and "
                                     "--grafana-database if it is installed."))  # fmt: skip
    return Part(name, SAVED, ", ".join(saved) + ".")


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


def _copied(path: Path, target: Path) -> bool:
    """Whether that file could be read and was copied. Raises OSError where it cannot be written."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    files.write(target, content)
    return True


def _beside(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else Path("rules") / path.name


def _at(found: Any, *path: str) -> str:
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return str(found or "")
