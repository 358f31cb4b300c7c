"""The portal's own way to Grafana: what passes, what does not, and who somebody is at the other end."""

from urllib.parse import quote

import pytest

from monitoring.grafana import gate
from monitoring.grafana.identity import login_of
from tests.support import seed
from tests.support.grafana import StandInGrafana
from tests.support.processes import free_port

pytestmark = pytest.mark.django_db
SYSTEM = {"system": {"title": "System Overview", "panels": [{"id": 1}, {"id": 2}]}}
OURS = {"HTTP_ORIGIN": "http://testserver"}


@pytest.fixture
def grafana(settings):
    with StandInGrafana(dashboards=SYSTEM) as there:
        settings.PORTAL_GRAFANA_URL = there.url
        settings.ALLOWED_HOSTS = ["testserver"]
        yield there


@pytest.fixture
def ada(client):
    user = seed.make_user("operator", name="ada")
    client.force_login(user)
    return user


def body(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_staff_reach_grafana_under_their_own_name_and_role(grafana, client, ada):
    answer = client.get("/grafana/api/user")
    assert answer.status_code == 200
    assert body(answer) == b'{"login": "portal.ada", "role": "Editor"}'
    assert grafana.seen[-1].headers["Host"] == "testserver"


SPELLINGS = ("X-WEBAUTH-USER", "x-webauth-user", "X_WEBAUTH_USER", "X-Webauth-Role", "X-WEBAUTH-EMAIL", "X-Portal-JWT")


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_forged_identity_is_not_handed_on(grafana, client, ada, name):
    client.get("/grafana/api/user", headers={name: "admin"})
    sent = grafana.seen[-1].headers.items()
    assert "admin" not in [value for _name, value in sent]
    assert [value for name, value in sent if name.upper() == "X-WEBAUTH-USER"] == ["portal.ada"]


def test_cookies_and_credentials_pass_in_neither_direction(grafana, client, ada):
    answer = client.get(
        "/grafana/d/system/x?orgId=1&from=now-6h&to=now&theme=light&kiosk", headers={"Authorization": "Basic YTpi"}
    )
    assert answer.status_code == 200
    assert not {"Cookie", "Authorization"} & set(grafana.seen[-1].headers)
    assert "grafana_session" not in answer.cookies


def test_only_the_headers_of_the_list_pass(grafana, client, ada):
    client.get("/grafana/api/user", headers={"X-Forwarded-For": "1.2.3.4", "X-Dashboard-Uid": "system", "Foo": "bar"})
    names = {name.lower() for name in grafana.seen[-1].headers}
    assert "x-dashboard-uid" in names
    assert not {"foo", "x-forwarded-for", "x-real-ip", "forwarded", "upgrade", "te"} & names


def test_an_answer_may_be_framed_by_us_and_has_not_our_policy(grafana, client, ada):
    answer = client.get("/grafana/d/system/x?orgId=1&from=now-6h&to=now&theme=light&kiosk")
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["Content-Security-Policy"] == "frame-ancestors 'self'"


def test_grafanas_own_policy_stays_beside_the_word_on_frames(grafana, client, ada):
    grafana.answers["/x"] = (200, {"Content-Security-Policy": "script-src 'self'"}, b"x")
    assert client.get("/grafana/x")["Content-Security-Policy"] == "script-src 'self', frame-ancestors 'self'"


def test_a_packed_answer_stays_packed(grafana, client, ada):
    grafana.answers["/x"] = (200, {"Content-Encoding": "gzip", "ETag": '"1"'}, b"\x1f\x8bpacked")
    answer = client.get("/grafana/x", headers={"Accept-Encoding": "gzip"})
    assert body(answer) == b"\x1f\x8bpacked"
    assert (answer["Content-Encoding"], answer["ETag"], answer["Content-Length"]) == ("gzip", '"1"', "8")


def test_a_large_file_passes_whole(grafana, client, ada):
    large = b"window.grafana = true;\n" * 100_000
    grafana.answers["/public/build/app.js"] = (200, {"Content-Type": "text/javascript"}, large)
    answer = client.get("/grafana/public/build/app.js")
    assert len(body(answer)) == len(large)
    assert answer["Content-Length"] == str(len(large))


@pytest.mark.parametrize("path", ["api/user", "public/build/app.js", "d/system/x", ""])
def test_nobody_gets_a_small_page_and_no_redirect(grafana, client, path):
    answer = client.get(f"/grafana/{path}")
    assert answer.status_code == 401
    assert "You are not logged in" in answer.text
    assert grafana.seen == []


def test_who_is_no_staff_is_refused(grafana, client):
    client.force_login(seed.make_user(name="eve", staff=False))
    answer = client.get("/grafana/api/user")
    assert answer.status_code == 403
    assert grafana.seen == []


def test_who_was_deactivated_a_second_ago_is_refused(grafana, client, ada):
    assert client.get("/grafana/api/user").status_code == 200
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    assert client.get("/grafana/api/user").status_code == 401
    assert len(grafana.seen) == 1


def test_who_lost_the_staff_flag_a_second_ago_is_refused(grafana, client, ada):
    type(ada).objects.filter(pk=ada.pk).update(is_staff=False)
    assert client.get("/grafana/api/user").status_code == 403


WAYS_UP = (
    "..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e", "%2f..", "..%2f", "x%2f..%2f", "..%5c", "..\\",
    "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%ef%bc%8e%ef%bc%8e", "..;", "%2e%2e%3bx", "%00", "..%00", "%0d%0ax", "%ff",
)  # fmt: skip


@pytest.mark.parametrize("step", WAYS_UP)
def test_a_way_upwards_is_refused_however_it_is_spelled(step):
    assert gate.climbs(f"/grafana/{step}/api/health")
    assert gate.climbs(f"/grafana/public/{step}")


HONEST = ("/grafana/d/abc/a..b", "/grafana/public/build/1.2.3.js", "/grafana/a%20b/%ED%95%9C", "/grafana/...")


@pytest.mark.parametrize("path", HONEST)
def test_honest_paths_are_not_mistaken_for_one(path):
    assert not gate.climbs(path)


def test_what_is_refused_never_arrives(grafana, client, ada):
    for step in ("%2e%2e", "%252e%252e", "x%2f..%2fy", "..%5c"):
        assert client.get(f"/grafana/{step}/api/health").status_code in {403, 404}, step
    assert grafana.seen == []


def test_a_path_arrives_as_it_was_looked_at(grafana, client, ada):
    client.get(f"/grafana/api/{quote('한 글')}/a+b;c%3Fd?q=a%2Fb&var=a%20b")
    assert grafana.seen[-1].path == f"/grafana/api/{quote('한 글')}/a+b;c%3Fd?q=a%2Fb&var=a%20b"


FOREIGN = (
    {"HTTP_ORIGIN": "https://evil.example"},
    {"HTTP_ORIGIN": "null"},
    {"HTTP_ORIGIN": "http://testserver.evil.example"},
    {"HTTP_ORIGIN": "http://testserver:81"},
    {"HTTP_REFERER": "https://evil.example/x"},
    {"HTTP_ORIGIN": "http://testserver", "HTTP_SEC_FETCH_SITE": "cross-site"},
    {},
)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("sender", FOREIGN)
def test_a_write_from_elsewhere_is_refused(grafana, client, ada, method, sender):
    answer = getattr(client, method)("/grafana/api/ds/query", b"{}", content_type="application/json", **sender)
    assert answer.status_code == 403
    assert grafana.seen == []


@pytest.mark.parametrize("sender", [OURS, {"HTTP_REFERER": "http://testserver/admin/"}])
def test_a_query_of_our_own_page_passes_with_its_body(grafana, client, ada, sender):
    answer = client.post("/grafana/api/ds/query", b'{"a": 1}', content_type="application/json", **sender)
    assert body(answer) == b'{"path": "/grafana/api/ds/query", "got": "{\\"a\\": 1}"}'


def test_methods_that_grafana_does_not_need_are_refused(grafana, client, ada):
    assert client.generic("TRACE", "/grafana/api/user", **OURS).status_code == 403
    assert grafana.seen == []


def test_live_is_off(grafana, client, ada):
    assert client.get("/grafana/api/live/ws", headers={"Upgrade": "websocket"}).status_code == 404
    assert grafana.seen == []


def test_a_body_without_end_is_refused(grafana, client, ada, monkeypatch):
    monkeypatch.setattr("monitoring.grafana.proxy.MOST_SENT", 100)
    answer = client.post("/grafana/api/ds/query", b"x" * 101, content_type="application/json", **OURS)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "target",
    [
        "/grafana/login",
        "https://evil.example/grafana/",
        "//evil.example/grafana/x",
        "/admin/logout/",
        "/grafana/../admin/",
        "\\\\evil.example/x",
        "/\\evil.example/grafana/x",
        "../login",
        "./../../admin/",
    ],
)
def test_grafana_sends_nobody_away(grafana, client, ada, target):
    grafana.answers["/d/x"] = (302, {"Location": target}, b"")
    answer = client.get("/grafana/d/x")
    assert answer.status_code == 502
    assert "Location" not in answer


@pytest.mark.parametrize(
    "target", ["/grafana/d/system/new?a=b", "system/new?a=b", "http://testserver/grafana/d/system/new?a=b"]
)
def test_grafana_may_send_people_on_within_itself(grafana, client, ada, target):
    grafana.answers["/d/x"] = (302, {"Location": target}, b"")
    assert client.get("/grafana/d/x")["Location"].endswith("system/new?a=b")


def test_grafanas_own_refusal_asks_for_no_password(grafana, client, ada):
    grafana.answers["/api/x"] = (401, {"WWW-Authenticate": "Basic"}, b"no")
    answer = client.get("/grafana/api/x")
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer


def test_nothing_listens_there(settings, client, ada):
    settings.PORTAL_GRAFANA_URL = f"http://127.0.0.1:{free_port()}"
    answer = client.get("/grafana/d/system/x")
    assert answer.status_code == 502
    assert "nothing listens there" in answer.text
    assert 'data-grafana="away"' in answer.text


def test_a_grafana_that_hangs_is_given_up(grafana, client, ada, monkeypatch):
    monkeypatch.setattr("monitoring.grafana.proxy.ANSWER_SECONDS", 0.3)
    grafana.delay = 2
    answer = client.get("/grafana/d/system/x")
    assert answer.status_code == 502
    assert "did not answer in time" in answer.text


def test_a_head_has_no_body(grafana, client, ada):
    assert client.head("/grafana/public/build/app.js").status_code == 200


def test_a_grafana_elsewhere_is_not_handed_on_to(grafana, client, ada, settings):
    settings.PORTAL_GRAFANA_PROXIED = False
    assert client.get("/grafana/api/user").status_code == 404
    assert grafana.seen == []


# --- who somebody is -------------------------------------------------------------------------------------------------
def test_a_person_called_admin_is_not_grafanas_admin(grafana, client):
    client.force_login(seed.make_user(name="admin", superuser=True))
    client.get("/grafana/api/user")
    assert grafana.seen[-1].headers["X-WEBAUTH-USER"] == "portal.admin"
    assert grafana.seen[-1].headers["X-WEBAUTH-ROLE"] == "Admin"


NAMES = (
    "admin", "Admin", "ADMIN", "김지혜", "지혜", "josé", "jose", "bob@example.org", "bob-example.org", "a+b", "a-b",
    "x" * 150, "x" * 149,
)  # fmt: skip


def test_no_two_people_are_one_to_grafana_and_nobody_is_a_mail_address():
    logins = [login_of(name, key) for key, name in enumerate(NAMES)]
    assert len({login.lower() for login in logins}) == len(NAMES)
    for login in logins:
        assert login.isascii()
        assert login.startswith("portal.")
        assert "@" not in login


def test_a_name_that_is_not_ascii_arrives_as_something_that_a_header_can_say(grafana, client):
    user = seed.make_user(name="김지혜")
    client.force_login(user)
    client.get("/grafana/api/user")
    assert grafana.seen[-1].headers["X-WEBAUTH-USER"] == f"portal.~{user.pk}"


@pytest.mark.parametrize(("role", "theirs"), [("viewer", "Viewer"), ("operator", "Editor"), ("administrator", "Admin")])
def test_the_roles_are_ours(grafana, client, role, theirs):
    client.force_login(seed.make_user(role, name="ada"))
    client.get("/grafana/api/user")
    assert grafana.seen[-1].headers["X-WEBAUTH-ROLE"] == theirs


# --- what nginx asks -------------------------------------------------------------------------------------------------
def test_nginx_is_told_who_it_is(client, ada):
    answer = client.get("/_internal/grafana-auth", headers={"X-Original-URI": "/grafana/d/x?y=../z"})
    assert (answer.status_code, answer["X-Portal-User"], answer["X-Portal-Role"]) == (204, "portal.ada", "Editor")
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"X-Original-URI": "/grafana/%2e%2e/x"}, 403),
        ({"X-Original-Method": "POST"}, 403),
        ({"X-Original-Method": "POST", "Origin": "http://testserver"}, 204),
        ({"X-Original-Method": "CONNECT"}, 403),
    ],
)
def test_nginx_gets_the_same_decision(client, ada, settings, asked, status):
    settings.ALLOWED_HOSTS = ["testserver"]
    assert client.get("/_internal/grafana-auth", headers=asked).status_code == status


def test_nginx_hears_of_nobody_and_of_who_may_not(client):
    assert client.get("/_internal/grafana-auth").status_code == 401
    client.force_login(seed.make_user(name="eve", staff=False))
    answer = client.get("/_internal/grafana-auth")
    assert answer.status_code == 403
    assert "X-Portal-User" not in answer
