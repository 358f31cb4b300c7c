"""What is documented is what the code reads, and the other way round."""

import re

from tests.support.processes import BASE

VARIABLE = re.compile(r"\b((?:PORTAL_[A-Z_]*[A-Z]|WEBHOOK_URL))\b")
# Between two of our own processes, and nobody's to set.
INTERNAL = {"PORTAL_METRICS_GENERATION"}


def read_by_the_code() -> set[str]:
    """The names that are asked for in the environment: written as a string of their own, or in a script."""
    found = set()
    for app in ("portal", "servers", "monitoring", "notifications"):
        for path in (BASE / app).rglob("*.py"):
            found |= set(re.findall(r"[\"']((?:PORTAL_[A-Z_]*[A-Z]|WEBHOOK_URL))[\"']", path.read_text()))
    for script in ("up", "test", "environment.sh"):
        found |= set(re.findall(r"\$\{(PORTAL_[A-Z_]*[A-Z])", (BASE / "bin" / script).read_text()))
    return {name for name in found if not name.endswith("_FILE") or name == "PORTAL_ENV_FILE"} - INTERNAL


def documented() -> set[str]:
    """The names in the first column of a table in docs/operations.md."""
    rows = re.findall(r"^\| (.+?) \|", (BASE / "docs" / "operations.md").read_text(), re.MULTILINE)
    return {name for row in rows for name in VARIABLE.findall(row)}


def test_every_variable_that_is_read_is_documented():
    assert read_by_the_code() - documented() == set()


def test_every_documented_variable_is_read():
    assert documented() - read_by_the_code() == set()


def test_other_pages_name_no_variable_that_does_not_exist():
    for name in ("README.md", "docs/install.md", "CHANGELOG.md"):
        named = set(VARIABLE.findall((BASE / name).read_text())) - {"PORTAL_X"}
        assert named <= read_by_the_code(), name


def test_every_command_that_is_documented_exists():
    for page in ("README.md", "docs/install.md", "docs/operations.md"):
        for command in re.findall(r"manage\.py ([a-z_]+)", (BASE / page).read_text()):
            ours = list(BASE.glob(f"*/management/commands/{command}.py"))
            assert ours or command in {"changepassword", "migrate"}, f"{page}: {command}"


def test_links_lead_somewhere():
    for page in ("README.md", "docs/install.md", "docs/operations.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", (BASE / page).read_text()):
            target = ((BASE / page).parent / link).resolve()
            assert target.exists() or target.suffix == ".png", f"{page}: {link}"
