"""The stack saved and brought back: what a backup holds, and what it refuses to do."""

import json
import sqlite3
import stat
from contextlib import closing

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from monitoring.stack_files import Trouble, backup, files, manifest, restore
from monitoring.stack_files.manifest import FAILED, Part
from monitoring.stack_files.sources import Sources
from tests.support.grafana import VERSION, StandInGrafana
from tests.support.processes import free_port

NOWHERE = f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def installation(tmp_path, settings, monkeypatch):
    """A portal's folder with a database in write-ahead mode and a key; nothing beside it answers."""
    data = tmp_path / "var"
    (data / "keys").mkdir(parents=True)
    (data / "keys" / "field-key").write_text("a key")
    with closing(sqlite3.connect(data / "portal.sqlite3")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE thing (name TEXT)")
        database.execute("INSERT INTO thing VALUES ('한국어')")
        database.commit()
    settings.PORTAL_DATA = data
    monkeypatch.setitem(connection.settings_dict, "NAME", str(data / "portal.sqlite3"))
    settings.PORTAL_PROMETHEUS_URL = settings.PORTAL_ALERTMANAGER_URL = settings.PORTAL_GRAFANA_URL = NOWHERE
    monkeypatch.setattr(Sources, "alertmanager_file", lambda self: self.alertmanager_config)
    monkeypatch.setattr(Sources, "ini_file", lambda self: self.grafana_ini)
    monkeypatch.setattr(Sources, "grafana_file", lambda self: self.grafana_database)
    return data


@pytest.fixture
def saved(installation, tmp_path):
    return backup.save(tmp_path / "backups", Sources.here())


def test_a_backup_holds_database_and_keys_and_names_what_is_not_there(saved):
    assert {entry.path for entry in saved.manifest.files} == {"portal/portal.sqlite3", "portal/keys/field-key"}
    states = {part.name: part.state for part in saved.manifest.parts}
    assert states.pop("Portal") == "saved"
    assert set(states.values()) == {"skipped"}
    assert saved.complete


def test_only_its_owner_can_read_a_backup(saved):
    for path in (saved.folder, *saved.folder.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_it_comes_back_into_a_new_folder(saved, tmp_path):
    done = restore.restore(tmp_path / "backups", tmp_path / "new")
    with closing(sqlite3.connect(tmp_path / "new" / "portal.sqlite3")) as database:
        assert database.execute("SELECT name FROM thing").fetchall() == [("한국어",)]
    assert (tmp_path / "new" / "keys" / "field-key").read_text() == "a key"
    assert any("PORTAL_DATA=" in note for note in done.notes)


def test_it_comes_back_into_an_empty_folder_and_never_over_anything(saved, tmp_path):
    target = tmp_path / "new"
    target.mkdir()
    restore.restore(saved.folder, target)
    with pytest.raises(Trouble, match="not empty"):
        restore.restore(saved.folder, target)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Trouble, match="not empty"):
        restore.restore(saved.folder, tmp_path / "file")


def test_a_folder_that_cannot_be_replaced_is_filled(saved, tmp_path):
    """A mount, for one: it stays the same folder."""
    target = tmp_path / "mount"
    target.mkdir()
    before = target.stat().st_ino
    restore.restore(saved.folder, target)
    assert target.stat().st_ino == before
    assert (target / "portal.sqlite3").exists()
    assert not list(target.glob(".restoring-*"))


def test_a_folder_with_a_name_like_a_draft_is_left_alone(saved, tmp_path):
    for name in ("new.partial", "others/stack-mine.partial"):
        (tmp_path / name).mkdir(parents=True)
    restore.restore(saved.folder, tmp_path / "new")
    backup.save(tmp_path / "others", Sources.here(), keep=5)
    assert (tmp_path / "new.partial").exists()
    assert (tmp_path / "others" / "stack-mine.partial").exists()


@pytest.mark.parametrize("damage", ["changed", "shorter", "missing", "link"])
def test_a_damaged_backup_restores_nothing(saved, tmp_path, damage):
    key = saved.folder / "portal" / "keys" / "field-key"
    key.unlink()
    {
        "changed": lambda: key.write_text("a kez"),
        "shorter": lambda: key.write_text("a"),
        "missing": lambda: None,
        "link": lambda: key.symlink_to("/etc/hostname"),
    }[damage]()
    with pytest.raises(Trouble, match="field-key"):
        restore.restore(saved.folder, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("path", ["../../stolen", "/etc/passwd", ""])
def test_a_manifest_that_leads_out_of_the_backup_is_refused(saved, tmp_path, path):
    found = json.loads((saved.folder / "manifest.json").read_text())
    found["files"][0]["path"] = path
    (saved.folder / "manifest.json").write_text(json.dumps(found))
    with pytest.raises(Trouble, match="leads out"):
        restore.restore(saved.folder, tmp_path / "new")


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"format": 1}', '{"format": "x"}', "{", '{"format": 1, "files": 3}']
)
def test_a_manifest_that_is_none_is_refused(saved, text):
    (saved.folder / "manifest.json").write_text(text)
    with pytest.raises(Trouble, match="no manifest"):
        manifest.read(saved.folder)


def test_a_backup_of_a_newer_portal_is_refused(saved):
    found = json.loads((saved.folder / "manifest.json").read_text())
    (saved.folder / "manifest.json").write_text(json.dumps({**found, "format": 2}))
    with pytest.raises(Trouble, match="newer portal"):
        manifest.read(saved.folder)


def test_a_folder_without_a_backup_is_refused(tmp_path):
    with pytest.raises(Trouble, match="holds no backup"):
        restore.restore(tmp_path, tmp_path / "new")


def test_the_newest_ones_stay(installation, tmp_path):
    place = tmp_path / "backups"
    for day in (1, 2, 3):
        (place / f"stack-2026010{day}T000000Z").mkdir(parents=True)
    (place / "stack-of-mine").mkdir()
    done = backup.save(place, Sources.here(), keep=2)
    assert done.removed == ["stack-20260101T000000Z", "stack-20260102T000000Z"]
    assert {path.name for path in place.iterdir()} == {
        "stack-20260103T000000Z", done.folder.name, "stack-of-mine", ".lock"
    }  # fmt: skip


def test_a_backup_that_is_not_complete_pushes_none_out(installation, tmp_path, monkeypatch):
    (tmp_path / "backups" / "stack-20260101T000000Z").mkdir(parents=True)
    failed = Part("Alertmanager", FAILED, "It could not be read.")
    monkeypatch.setattr("monitoring.stack_files.programs.alertmanager", lambda *_: failed)
    done = backup.save(tmp_path / "backups", Sources.here(), keep=1)
    assert not done.complete
    assert len(backup.backups(tmp_path / "backups")) == 2


def test_an_old_backup_that_cannot_be_removed_is_told_and_the_new_one_is_kept(installation, tmp_path, monkeypatch):
    (tmp_path / "backups" / "stack-20260101T000000Z").mkdir(parents=True)
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    done = backup.save(tmp_path / "backups", Sources.here(), keep=1)
    assert (done.removed, done.stuck) == ([], ["stack-20260101T000000Z"])
    assert done.folder.is_dir()


def test_a_portal_whose_database_is_damaged_leaves_no_backup(installation, tmp_path):
    (installation / "portal.sqlite3").write_bytes(b"no database at all" * 1000)
    with pytest.raises(Trouble, match=r"portal\.sqlite3"):
        backup.save(tmp_path / "backups", Sources.here())
    assert backup.backups(tmp_path / "backups") == []
    assert not list((tmp_path / "backups").glob("*.partial"))


def test_a_place_that_cannot_be_written_is_a_sentence(installation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Trouble, match="could not be written"):
        backup.save(tmp_path / "file", Sources.here())


def test_the_keys_that_sign_for_grafana_are_saved_with_the_others(installation, tmp_path):
    (installation / "keys" / "grafana").mkdir()
    (installation / "keys" / "grafana" / "p1.pem").write_text("a private key")
    done = backup.save(tmp_path / "backups", Sources.here())
    restore.restore(done.folder, tmp_path / "new")
    path = tmp_path / "new" / "keys" / "grafana" / "p1.pem"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("a private key", 0o600)


def test_what_grafana_provisions_is_saved_with_its_settings(installation, tmp_path):
    files = {"grafana.ini": "[server]", "provisioning/datasources/proxmox-manager.yml": "apiVersion: 1"}
    for name, text in files.items():
        (tmp_path / "etc" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "etc" / name).write_text(text)
    done = backup.save(tmp_path / "backups", Sources.here(grafana_ini=tmp_path / "etc" / "grafana.ini"))
    assert {name: (done.folder / "grafana" / name).read_text() for name in files} == files
    (part,) = [part for part in done.manifest.parts if part.name == "Grafana: settings and database"]
    assert "Its database was not found" in part.sentence


def test_grafanas_settings_and_database_are_found_where_one_says(installation, tmp_path):
    (tmp_path / "grafana.ini").write_text("[server]")
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as database:
        database.execute("CREATE TABLE dashboard (uid TEXT)")
    sources = Sources.here(grafana_ini=tmp_path / "grafana.ini", grafana_database=tmp_path / "grafana.db")
    backup.save(tmp_path / "backups", sources)
    restore.restore(tmp_path / "backups", tmp_path / "new")
    assert (tmp_path / "new" / "config" / "grafana" / "grafana.ini").read_text() == "[server]"
    with closing(sqlite3.connect(tmp_path / "new" / "grafana" / "grafana.db")) as database:
        assert database.execute("SELECT count(*) FROM dashboard").fetchone() == (0,)


def test_the_commands_tell_it_in_sentences(installation, tmp_path, capsys):
    call_command("stack_backup", str(tmp_path / "backups"))
    call_command("stack_restore", str(tmp_path / "backups"), check=True)
    assert "is whole: 2 files" in capsys.readouterr().out
    with pytest.raises(CommandError, match="--into FOLDER"):
        call_command("stack_restore", str(tmp_path / "backups"))
    with pytest.raises(CommandError, match="--keep"):
        call_command("stack_backup", str(tmp_path / "backups"), keep=-1)


def test_what_was_restored_is_told_and_not_what_was_saved(installation, tmp_path, capsys):
    call_command("stack_backup", str(tmp_path / "backups"))
    capsys.readouterr()
    call_command("stack_restore", str(tmp_path / "backups"), into=tmp_path / "new")
    said = capsys.readouterr().out
    assert "restored  Portal\n" in said
    assert "left out  Alertmanager: it was not there when the backup was made." in said
    assert "saved" not in said


@pytest.mark.parametrize(("silences", "told"), [("[]", False), ('[{"id": "1"}]', True)])
def test_silences_are_spoken_of_where_there_are_any_with_their_file(installation, tmp_path, silences, told):
    done = backup.save(tmp_path / "backups", Sources.here())
    path = done.folder / "alertmanager" / "silences.json"
    files.write(path, silences.encode())
    entry = {"path": "alertmanager/silences.json", "size": len(silences), "sha256": manifest.digest(path)}
    found = json.loads((done.folder / "manifest.json").read_text())
    (done.folder / "manifest.json").write_text(json.dumps({**found, "files": [*found["files"], entry]}))
    notes = restore.restore(done.folder, tmp_path / "new").notes
    wanted = f"amtool silence import {tmp_path / 'new' / 'config' / 'alertmanager' / 'silences.json'}"
    assert any(wanted in note for note in notes) == told


DASHBOARDS = {"system": {"title": "System Overview"}, "a/../b": {"title": "odd"}}


def test_dashboards_are_saved_by_uid_and_an_odd_uid_leads_nowhere(installation, tmp_path, settings):
    settings.PORTAL_GRAFANA_TOKEN = "right"
    with StandInGrafana(token="right", dashboards=DASHBOARDS) as grafana:
        settings.PORTAL_GRAFANA_URL = grafana.url
        done = backup.save(tmp_path / "backups", Sources.here())
    folder = done.folder / "grafana" / "dashboards"
    assert {path.name for path in folder.iterdir()} == {"system.json", "a%2F..%2Fb.json"}
    assert json.loads((folder / "system.json").read_text())["dashboard"]["title"] == "System Overview"
    assert done.manifest.versions["grafana"] == VERSION


def test_without_grafanas_token_the_dashboards_are_skipped_with_a_sentence(installation, tmp_path, settings):
    with StandInGrafana(token="right", dashboards=DASHBOARDS) as grafana:
        settings.PORTAL_GRAFANA_URL = grafana.url
        done = backup.save(tmp_path / "backups", Sources.here())
    (part,) = [part for part in done.manifest.parts if part.name == "Grafana: dashboards"]
    assert (part.state, "PORTAL_GRAFANA_TOKEN" in part.sentence) == ("skipped", True)


def test_a_dashboard_called_like_the_manifest_is_in_the_manifest(tmp_path):
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards" / "manifest.json").write_text("{}")
    (tmp_path / "manifest.json").write_text("{}")
    assert [entry.path for entry in manifest.describe(tmp_path)] == ["dashboards/manifest.json"]
