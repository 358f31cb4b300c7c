"""The portal speaks Korean, wholly."""

import ast
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from string import Formatter

import polib
import pytest
from django.contrib.auth.models import User
from django.utils import formats, translation

from servers.models import Cluster
from tests.support import messages
from tests.support.processes import BASE, environment

CATALOGUE = polib.pofile(str(messages.CATALOGUE))
COMPILED = messages.CATALOGUE.with_suffix(".mo")
FUNCTIONS = {"gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
PERCENT = re.compile(r"%\(\w+\)[\d.]*[sdf]|%[\d.]*[sdf]")
HANGUL = re.compile("[가-힣]")


def said(entry):
    return entry.msgstr or entry.msgstr_plural.get(0, "")


def without_translation():
    return [entry.msgid for entry in CATALOGUE if not entry.translated() or not said(entry).strip()]


def braces(text):
    """The fields of str.format() in a text; none where braces are not meant so."""
    try:
        return sorted(
            f"{{{field}}}" for _text, field, _format, _conversion in Formatter().parse(text) if field is not None
        )
    except ValueError:
        return []


def placeholders(text):
    return sorted(set(PERCENT.findall(text))), braces(text)


def markup(text):
    return sorted(re.findall(r"</?\w+[^<>]*>", text))


# --- the catalogue -------------------------------------------------------------------------------------------------
def test_every_message_has_its_korean_and_none_is_a_guess():
    assert without_translation() == []
    assert [entry.msgid for entry in CATALOGUE if entry.fuzzy or entry.obsolete] == []


def test_korean_has_one_plural_form():
    assert CATALOGUE.metadata["Plural-Forms"] == "nplurals=1; plural=0;"
    assert [entry.msgid for entry in CATALOGUE if entry.msgid_plural and set(entry.msgstr_plural) != {0}] == []


def test_placeholders_and_markup_are_those_of_the_source():
    assert [e.msgid for e in CATALOGUE if placeholders(said(e)) != placeholders(e.msgid_plural or e.msgid)] == []
    assert [e.msgid for e in CATALOGUE if markup(said(e)) != markup(e.msgid)] == []


def test_sentences_end_as_sentences():
    # A blank at the end parts it from what comes after it on the page.
    ends = [e.msgid for e in CATALOGUE if e.msgid.rstrip()[-1:] == "." and said(e).rstrip()[-1:] != "."]
    blanks = [e.msgid for e in CATALOGUE if e.msgid[-1:].isspace() != said(e)[-1:].isspace()]
    assert (ends, blanks) == ([], [])


def test_what_is_compiled_is_what_is_written():
    compiled = {messages.key(entry): said(entry) for entry in polib.mofile(str(COMPILED))}
    assert compiled == {messages.key(entry): said(entry) for entry in CATALOGUE}


# --- the code ------------------------------------------------------------------------------------------------------
def test_the_catalogue_holds_what_the_code_says_and_nothing_else():
    if not shutil.which("xgettext"):
        pytest.skip("xgettext (of GNU gettext) is not installed")
    extracted = {messages.key(entry) for entry in messages.extract()}
    known = {messages.key(entry) for entry in CATALOGUE}
    assert (sorted(map(str, extracted - known)), sorted(map(str, known - extracted))) == ([], []), "run bin/messages"


def calls(path):
    """The literal messages of a module, each with the function that looks it up, under whatever name: its first
    argument, or the second one after a context."""
    tree = ast.parse(path.read_text())
    names = {
        alias.asname or alias.name: alias.name.removesuffix("_lazy")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in FUNCTIONS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and node.args:
            function = names[node.func.id]
            said = node.args[1 if function == "pgettext" else 0]
            if isinstance(said, ast.Constant):
                yield function, said.value
            elif isinstance(said, ast.JoinedStr | ast.BinOp):
                yield function, f"{path.name}:{node.lineno} puts its message together, which nobody can translate"


def literal_messages():
    return [call for app in messages.OURS for path in (BASE / app).rglob("*.py") for call in calls(path)]


def test_every_literal_message_of_the_code_is_in_the_catalogue():
    known = {entry.msgid for entry in CATALOGUE}
    assert {message for _function, message in literal_messages()} - known == set()


def test_no_message_with_a_plural_is_looked_up_without_its_number():
    # Python's gettext would answer with the plural form, its placeholder unfilled.
    plural = {entry.msgid for entry in CATALOGUE if entry.msgid_plural}
    assert {message for function, message in literal_messages() if function != "ngettext"} & plural == set()


# --- what is seen --------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_browser_that_asks_for_korean_gets_it(client):
    client.force_login(User.objects.create_superuser("jihye"))
    page = client.get("/admin/", headers={"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"}).content.decode()
    assert '<html lang="ko"' in page
    assert "아직 클러스터가 없습니다" in page


@pytest.mark.django_db
def test_the_choice_of_a_language_is_kept(client):
    client.force_login(User.objects.create_superuser("jihye"))
    assert "한국어" in client.get("/admin/").content.decode()
    client.post("/i18n/setlang/", {"language": "ko", "next": "/admin/"})
    assert '<html lang="ko"' in client.get("/admin/").content.decode()


@pytest.mark.django_db
def test_the_audit_trail_names_columns_as_forms_do(client):
    client.force_login(User.objects.create_superuser("jihye"))
    Cluster.objects.create(name="seoul", endpoints="https://pve1.example.org:8006", token_id="portal@pve!manager")
    page = client.get("/admin/auditlog/logentry/", headers={"accept-language": "ko"}).content.decode()
    assert "클러스터: seoul" in page
    assert "API 토큰 ID" in page
    assert "token_id" not in page


def test_what_unfold_has_no_korean_for_is_in_our_catalogue():
    with translation.override("ko"):
        assert HANGUL.search(translation.gettext("Welcome back to"))
        assert HANGUL.search(translation.gettext("Apply Filters"))


# --- the language of the installation ------------------------------------------------------------------------------
def language(folder, **variables):
    """What a process without a request, such as a worker, answers for a message."""
    script = "import django; django.setup(); from portal.lib.clock import ago; print(ago(None))"
    made = environment(folder, DJANGO_SETTINGS_MODULE="portal.settings", PYTHONIOENCODING="utf-8", **variables)
    return subprocess.run(
        [sys.executable, "-c", script], cwd=BASE, env=made, capture_output=True, text=True, check=False
    )


def test_workers_speak_the_language_of_the_installation(tmp_path):
    assert language(tmp_path).stdout.strip() == "never"
    assert language(tmp_path, PORTAL_LANGUAGE="ko").stdout.strip() == "없음"


def test_a_language_that_there_is_not_is_refused_in_a_sentence(tmp_path):
    assert "PORTAL_LANGUAGE is 'de': write en or ko." in language(tmp_path, PORTAL_LANGUAGE="de").stderr


@pytest.mark.parametrize("form", ["DATETIME_FORMAT", "SHORT_DATETIME_FORMAT"])
def test_an_english_date_is_the_same_day_on_both_sides_of_an_ocean(form):
    with translation.override("en"):
        assert formats.date_format(datetime(2026, 12, 1, 16, 5, tzinfo=UTC), form) == "2026-12-01 16:05"
