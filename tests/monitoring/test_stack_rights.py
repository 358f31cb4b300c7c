"""The stack saved by somebody who may not read, or not remove, all of it: told by name, and the rest is saved."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from monitoring.stack_files import Trouble, backup, files, programs
from monitoring.stack_files.sources import Sources
from tests.monitoring.test_stack_files import installation  # noqa: F401  (a fixture)
from tests.support.prometheus import StandInPrometheus

NOBODY = 65534


@contextmanager
def as_somebody_else():
    """As a user without rights of its own; where the tests run as one, that is so already."""
    if os.geteuid():
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def place():
    """A folder that everybody may use; pytest's own are private."""
    folder = Path(tempfile.mkdtemp(prefix="pm-rights-"))
    folder.chmod(0o777)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o700)
    shutil.rmtree(folder)


@pytest.fixture
def prometheus(place, settings):
    """One that made the snapshot ``made`` already, with its folder; it keeps which paths it was asked for."""
    snapshot = place / "tsdb" / "snapshots" / "made" / "block"
    snapshot.mkdir(parents=True)
    (snapshot / "chunks").write_text("samples")
    (place / "prometheus.yml").write_text("{}")
    answers = {
        "/api/v1/status/buildinfo": {"version": "2.42.0"},
        "/api/v1/status/config": {"yaml": "{}"},
        "/api/v1/rules": {"groups": []},
        "/api/v1/status/flags": {
            "web.enable-admin-api": "true", "storage.tsdb.path": "tsdb", "config.file": "prometheus.yml"
        },
        "/api/v1/status/runtimeinfo": {"CWD": str(place)},
        "/api/v1/admin/tsdb/snapshot": {"name": "made"},
    }  # fmt: skip
    with StandInPrometheus(lambda path, _query: {"status": "success", "data": answers[path]}) as stand_in:
        settings.PORTAL_PROMETHEUS_URL = stand_in.url
        stand_in.snapshot = place / "tsdb" / "snapshots" / "made"
        yield stand_in


def snapshots_of(prometheus):
    return sum(asked["path"].endswith("/snapshot") for asked in prometheus.asked)


def test_a_snapshot_is_saved_and_removed(prometheus, place):
    part = programs.prometheus_data(Sources.here(), place / "saved")
    assert (part.state, part.sentence) == ("saved", "1 file of a snapshot.")
    assert (place / "saved" / "block" / "chunks").read_text() == "samples"
    assert not prometheus.snapshot.exists()


def test_where_a_snapshot_could_not_be_removed_none_is_made(prometheus, place):
    prometheus.snapshot.parent.chmod(0o555)
    with as_somebody_else():
        part = programs.prometheus_data(Sources.here(), place / "saved")
    assert (part.state, snapshots_of(prometheus)) == ("failed", 0)
    assert f"not write in {place / 'tsdb'}" in part.sentence


def test_where_its_folder_is_elsewhere_no_snapshot_is_made(prometheus, place):
    (place / "tsdb").rename(place / "away")
    part = programs.prometheus_data(Sources.here(), place / "saved")
    assert (part.state, snapshots_of(prometheus)) == ("failed", 0)
    assert "run this on its machine" in part.sentence


def test_a_snapshot_that_stays_all_the_same_is_named(prometheus, place):
    prometheus.snapshot.parent.chmod(0o777)
    (prometheus.snapshot / "block").chmod(0o555)
    with as_somebody_else():
        part = programs.prometheus_data(Sources.here(), place / "saved")
    assert part.state == "failed"
    assert f"{prometheus.snapshot} could not be removed" in part.sentence
    assert (place / "saved" / "block" / "chunks").exists()


@pytest.mark.parametrize("hidden", ["block", "block/chunks"])
def test_a_snapshot_that_cannot_be_read_fails_with_its_name_and_leaves_no_half(prometheus, place, hidden):
    prometheus.snapshot.parent.chmod(0o777)
    (prometheus.snapshot / hidden).chmod(0)
    with as_somebody_else():
        part = programs.prometheus_data(Sources.here(), place / "saved")
    assert (part.state, (place / "saved").exists()) == ("failed", False)
    assert f"{prometheus.snapshot / hidden} cannot be read: Permission denied" in part.sentence


def test_a_configuration_that_cannot_be_read_fails_and_what_is_loaded_is_saved(prometheus, place):
    (place / "prometheus.yml").chmod(0)
    with as_somebody_else():
        part = programs.prometheus_config(Sources.here(), place / "saved")
    assert (part.state, (place / "saved" / "as-loaded.yml").read_text()) == ("failed", "{}")
    assert f"{place / 'prometheus.yml'} cannot be read: Permission denied" in part.sentence


def test_a_configuration_that_is_elsewhere_is_saved_as_it_is_loaded(prometheus, place):
    (place / "prometheus.yml").unlink()
    part = programs.prometheus_config(Sources.here(), place / "saved")
    assert (part.state, "these files are not here: prometheus.yml" in part.sentence) == ("saved", True)


@pytest.mark.parametrize("hidden", ["grafana.ini", "provisioning", "."])
def test_grafanas_settings_that_cannot_be_read_are_told_and_its_database_is_saved(place, hidden):
    (place / "etc" / "provisioning").mkdir(parents=True)
    (place / "etc" / "grafana.ini").write_text("[server]")
    with closing(sqlite3.connect(place / "grafana.db")) as database:
        database.execute("CREATE TABLE dashboard (uid TEXT)")
    (place / "etc" / hidden).chmod(0)
    sources = Sources.here(grafana_ini=place / "etc" / "grafana.ini", grafana_database=place / "grafana.db")
    with as_somebody_else():
        part = programs.grafana_files(sources, place / "saved")
    assert part.state == "failed"
    assert f"{place / 'etc' / ('grafana.ini' if hidden == '.' else hidden)} cannot be read" in part.sentence
    assert (place / "saved" / "grafana.db").exists()


@pytest.mark.parametrize("option", ["grafana_ini", "grafana_database", "alertmanager_config"])
def test_a_path_that_was_named_and_is_not_there_is_told(place, option, settings):
    settings.PORTAL_ALERTMANAGER_URL = "http://127.0.0.1:9"
    sources = Sources.here(**{option: place / "nothing"})
    save = programs.alertmanager if option == "alertmanager_config" else programs.grafana_files
    part = save(sources, place / "saved")
    assert (part.state, str(place / "nothing") in part.sentence) == ("failed", True)


def test_a_folder_of_grafanas_that_cannot_be_looked_into_counts_as_there(place, settings, monkeypatch):
    settings.PORTAL_DATA = place
    (place / "lib").mkdir(mode=0)
    monkeypatch.setattr("monitoring.stack_files.sources.GRAFANA_DATABASES", (place / "lib" / "grafana.db",))
    with as_somebody_else():
        part = programs.grafana_files(Sources.here(grafana_ini=None), place / "saved")
    assert (part.state, str(place / "lib" / "grafana.db") in part.sentence) == ("failed", True)


def test_a_key_that_cannot_be_read_is_named_and_no_backup_is_made(installation, place):  # noqa: F811
    shutil.move(installation, place / "var")
    (place / "var" / "keys" / "grafana").mkdir(mode=0)
    with as_somebody_else(), pytest.raises(Trouble, match="keys/grafana cannot be read: Permission denied"):
        files.tree(place / "var" / "keys")


def test_what_cannot_be_read_fails_its_part_and_not_the_backup(installation, prometheus, place):  # noqa: F811
    (place / "grafana.ini").mkdir()
    (place / "prometheus.yml").unlink()
    (place / "prometheus.yml").mkdir()
    done = backup.save(place / "backups", Sources.here(grafana_ini=place / "grafana.ini"))
    states = {part.name: part.state for part in done.manifest.parts}
    assert states.pop("Portal") == states.pop("Prometheus: data") == "saved"
    assert {name for name, state in states.items() if state == "failed"} == {
        "Prometheus: configuration", "Grafana: settings and database"
    }  # fmt: skip
