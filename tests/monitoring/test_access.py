"""Who may read /metrics: this machine for itself, and whoever has the token."""

import pytest

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-some-length"
FOREIGN = "192.0.2.7"


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PORTAL_METRICS_TOKEN = TOKEN


def status(client, peer: str = FOREIGN, **headers: str) -> int:
    return client.get("/metrics", headers=headers, REMOTE_ADDR=peer).status_code


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_needs_no_token(client, peer):
    assert status(client, peer) == 200


@pytest.mark.parametrize("peer", [FOREIGN, "10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "", "unix:", "localhost"])
def test_everybody_else_needs_one(client, peer):
    assert status(client, peer) == 401
    assert status(client, peer, Authorization=f"Bearer {TOKEN}") == 200


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Via", "CF-Connecting-IP",
     "CF-Ray", "True-Client-IP", "X-Client-IP", "X-Original-Forwarded-For", "X-Cluster-Client-IP",
     "Client-IP", "X-Originating-IP"],
)  # fmt: skip
def test_a_forwarding_header_makes_the_peer_a_messenger(client, header):
    assert status(client, "127.0.0.1", **{header: "127.0.0.1"}) == 401
    assert status(client, "127.0.0.1", **{header: "", "Authorization": f"Bearer {TOKEN}"}) == 200


def test_a_forged_forwarding_header_makes_nobody_local(client):
    assert status(client, FOREIGN, **{"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}) == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer 한국어",
    ],
)
def test_a_wrong_token_is_refused(client, authorization):
    assert status(client, Authorization=authorization) == 401
    assert status(client, "127.0.0.1", Authorization=authorization) == 401


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer None"])
def test_without_a_token_of_ours_none_is_right(client, settings, authorization):
    settings.PORTAL_METRICS_TOKEN = ""
    assert status(client, Authorization=authorization) == 401
    assert status(client, "127.0.0.1") == 200


def test_the_refusal_says_what_to_do_and_tells_nothing(client):
    answer = client.get("/metrics/", REMOTE_ADDR=FOREIGN)
    assert answer.status_code == 401
    assert b"PORTAL_METRICS_TOKEN" in answer.content
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN.encode() not in answer.content
    assert b"active_servers" not in answer.content


def test_metrics_are_read_and_not_written(client):
    assert client.post("/metrics").status_code == 405
