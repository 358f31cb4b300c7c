"""Signed identities: the keys, their rotation, and what Grafana reads out of a token."""

import json

import jwt
import pytest
from django.core.management import CommandError, call_command

from monitoring.grafana import keys
from monitoring.grafana.identity import identity_of
from tests.support import seed
from tests.support.grafana import StandInGrafana

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _signed(settings, tmp_path):
    settings.PORTAL_DATA, settings.PORTAL_GRAFANA_IDENTITY = tmp_path, "jwt"
    settings.PORTAL_URL = "https://portal.example.org"


@pytest.fixture
def grafana(settings):
    call_command("grafana_key", verbosity=0)
    with StandInGrafana(
        dashboards={"system": {}}, jwks=keys.folder() / "jwks.json", issuer="https://portal.example.org"
    ) as there:
        settings.PORTAL_GRAFANA_URL = there.url
        yield there


def opened(token):
    """The claims of a token, checked with what Grafana reads."""
    kid = jwt.get_unverified_header(token)["kid"]
    listed = {key["kid"]: key for key in json.loads((keys.folder() / "jwks.json").read_text())["keys"]}
    return jwt.decode(token, jwt.PyJWK(listed[kid]).key, algorithms=["EdDSA"], audience="grafana")


def test_the_claims_are_what_grafana_wants():
    call_command("grafana_key", verbosity=0)
    user = seed.make_user("administrator", name="김지혜")
    claims = opened(identity_of(user).token())
    assert claims.pop("exp") - claims.pop("iat") == 120
    assert claims == {
        "sub": f"portal:{user.pk}", "login": f"portal.~{user.pk}", "role": "Admin", "name": "김지혜",
        "iss": "https://portal.example.org", "aud": "grafana",
    }  # fmt: skip


def test_a_signed_person_is_believed(grafana, client):
    client.force_login(seed.make_user(name="ada"))
    answer = client.get("/grafana/api/user", headers={"X-Portal-JWT": "forged", "X-WEBAUTH-USER": "admin"})
    assert json.loads(b"".join(answer.streaming_content)) == {"login": "portal.ada", "role": "Viewer"}
    assert "X-WEBAUTH-USER" not in grafana.seen[-1].headers


def test_nginx_gets_the_token(grafana, client):
    client.force_login(seed.make_user(name="ada"))
    assert opened(client.get("/_internal/grafana-auth")["X-Portal-JWT"])["login"] == "portal.ada"


def test_without_a_key_nobody_passes_and_the_page_says_what_to_do(settings, client):
    client.force_login(seed.make_user(name="ada"))
    answer = client.get("/grafana/api/user")
    assert answer.status_code == 502
    assert "manage.py grafana_key" in answer.text
    assert client.get("/_internal/grafana-auth").status_code == 403


def test_a_rotation_locks_nobody_out(grafana, client):
    client.force_login(seed.make_user(name="ada"))
    for step in ({"add": True}, {"use": "p2"}, {"drop": "p1"}):
        call_command("grafana_key", verbosity=0, **step)
        assert client.get("/grafana/api/user").status_code == 200, step
    assert keys.names() == ["p2"]
    assert [key["kid"] for key in json.loads((keys.folder() / "jwks.json").read_text())["keys"]] == ["p2"]


def test_a_token_of_a_dropped_key_is_worth_nothing(grafana):
    token = keys.sign({"sub": "portal:1", "login": "portal.ada", "role": "Admin"})
    for step in ({"add": True}, {"use": "p2"}, {"drop": "p1"}):
        call_command("grafana_key", verbosity=0, **step)
    assert grafana.person({"X-Portal-JWT": token}) is None


def test_the_key_that_signs_is_not_dropped_and_an_unknown_one_not_used():
    call_command("grafana_key", verbosity=0)
    with pytest.raises(CommandError, match="use another one first"):
        call_command("grafana_key", drop="p1", verbosity=0)
    with pytest.raises(CommandError, match="no key 'p7': there is p1"):
        call_command("grafana_key", use="p7", verbosity=0)


def test_private_keys_are_for_their_owner_only_and_never_copied(tmp_path):
    call_command("grafana_key", public=tmp_path / "out", verbosity=0)
    assert (keys.folder() / "p1.pem").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["jwks.json", "p1.pub.pem"]
    assert '"d"' not in (tmp_path / "out" / "jwks.json").read_text()


def test_a_second_call_without_a_word_changes_nothing(capsys):
    call_command("grafana_key")
    call_command("grafana_key")
    assert keys.names() == ["p1"]
    assert "p1" in capsys.readouterr().out
