"""The tokens by which the monitoring programs are let in: made once, in private files, or as they were given."""

import pytest

from portal.up.layout import Layout
from portal.up.tokens import FILES, keep_secret, of_the_children, token_files


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch):
    for setting in FILES:
        monkeypatch.delenv(setting, raising=False)
        monkeypatch.delenv(f"{setting}_FILE", raising=False)


def test_each_token_is_made_once_and_differs_from_the_others(tmp_path):
    files = token_files(Layout.of(tmp_path))
    made = {setting: path.read_text() for setting, path in files.items()}
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    assert len(set(made.values())) == len(FILES)
    assert {setting: path.read_text() for setting, path in token_files(Layout.of(tmp_path)).items()} == made


@pytest.mark.parametrize("setting", FILES)
def test_a_token_that_was_given_is_kept_for_those_who_want_a_file(tmp_path, monkeypatch, setting):
    monkeypatch.setenv(setting, "given")
    files = token_files(Layout.of(tmp_path))
    assert files[setting].read_text() == "given"
    assert f"{setting}_FILE" not in of_the_children(files)


@pytest.mark.parametrize("setting", FILES)
def test_a_file_that_was_given_is_used_where_it_is(tmp_path, monkeypatch, setting):
    (tmp_path / "secret").write_text("elsewhere")
    monkeypatch.setenv(f"{setting}_FILE", str(tmp_path / "secret"))
    files = token_files(Layout.of(tmp_path))
    assert files[setting] == tmp_path / "secret"
    assert of_the_children(files)[f"{setting}_FILE"] == str(tmp_path / "secret")


def test_the_children_learn_where_the_tokens_are(tmp_path):
    files = token_files(Layout.of(tmp_path))
    assert of_the_children(files) == {f"{setting}_FILE": str(path) for setting, path in files.items()}


def test_a_secret_that_changed_is_written_anew_and_stays_private(tmp_path):
    path = keep_secret(tmp_path / "keys" / "smtp-password", "first")
    assert keep_secret(path, "second").read_text() == "second"
    assert path.stat().st_mode & 0o777 == 0o600
