"""A real nginx with our configuration, before the running portal and the stand-in for Grafana."""

import dataclasses
import http.client
import re
import ssl
import subprocess
from types import SimpleNamespace

import pytest
import trustme

from monitoring.grafana.proxy import GOES
from portal.up import deploy
from portal.up.deploy import Values, render
from portal.up.nginx import Nginx
from tests.support.components import need
from tests.support.grafana import StandInGrafana, shipped
from tests.support.processes import Portal, free_port, wait_until

MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    include {conf};
}}
"""
PEOPLE = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth.models import Group, User
from portal import roles
engine = import_module(settings.SESSION_ENGINE)
roles.apply()
for name, staff in (("admin", True), ("eve", False), ("gone", True), ("jihye", True)):
    user = User.objects.create_user(name, is_staff=staff)
    if name == "jihye":
        user.groups.add(Group.objects.get(name="operator"))
    session = engine.SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    print(name, session.session_key)
"""


def test_nginx_passes_the_headers_of_the_list_and_no_others():
    text = (deploy.BASE / "deploy" / "nginx" / "proxmox-manager.conf").read_text()
    location = text[text.index("location /grafana/ {") :]
    passed = set(re.findall(r"proxy_set_header ([\w-]+) \$(?:http_|content_)", location)) - {"Host", "Accept-Encoding"}
    assert passed == set(GOES)


@pytest.mark.real
def test_nginx_takes_the_committed_file(tmp_path):
    certificates(tmp_path)
    values = Nginx(certificate=f"{tmp_path}/cert.pem", key=f"{tmp_path}/key.pem", port="18443", http_port="18080")
    done = subprocess.run(
        [need("nginx"), "-t", "-c", main_file(tmp_path, values)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def certificates(folder):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for piece in issued.cert_chain_pems:
        piece.write_to_path(folder / "cert.pem", append=True)
    return authority


def main_file(folder, values):
    render(folder / "deploy", dataclasses.replace(Values(), nginx=values))
    conf = folder / "deploy" / "nginx" / "proxmox-manager.conf"
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, conf=conf))
    return folder / "nginx.conf"


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    """nginx, the portal and the stand-in; ``ask`` sends a request as it stands, and gives status, headers, body."""
    program, folder, port = need("nginx"), tmp_path_factory.mktemp("nginx"), free_port()
    authority = certificates(folder)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    url = f"https://127.0.0.1:{port}"
    with StandInGrafana(dashboards=shipped(), issuer=url) as grafana:
        env = {
            "PORTAL_URL": url, "PORTAL_BEHIND_PROXY": "true", "PORTAL_GRAFANA_URL": grafana.root,
            "PORTAL_GRAFANA_IDENTITY": "jwt",
        }  # fmt: skip
        with Portal(env, web_workers=1) as portal:
            portal.manage("grafana_key")
            sessions = dict(line.split() for line in portal.python(PEOPLE).splitlines())
            portal.start("web")
            places = {"portal": f"127.0.0.1:{portal.port}", "grafana": f"127.0.0.1:{grafana.port}"}
            files = {"certificate": f"{folder}/cert.pem", "key": f"{folder}/key.pem"}
            values = Nginx(name="127.0.0.1", url=url, port=str(port), http_port=str(free_port()), **places, **files)
            running = subprocess.Popen([program, "-c", main_file(folder, values)], stderr=subprocess.DEVNULL)

            def ask(path, who="", method="GET", headers=None, body=None, *, past_nginx=False):
                connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
                if past_nginx:
                    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=60)
                connection.putrequest(method, path)
                if past_nginx:
                    connection.putheader("X-Forwarded-Proto", "https")
                if who:
                    connection.putheader("Cookie", f"sessionid={sessions[who]}; other=1")
                if body is not None:
                    connection.putheader("Content-Length", str(len(body)))
                for name, value in headers.items() if isinstance(headers, dict) else headers or ():
                    connection.putheader(name, value)
                connection.endheaders(body)
                found = connection.getresponse()
                answer = SimpleNamespace(status=found.status, headers=found.headers, text=found.read().decode())
                connection.close()
                return answer

            def answers():
                try:
                    return ask("/healthz").status == 200
                except OSError:
                    return False

            try:
                wait_until(answers, 60, what=(folder / "error.log").read_text)
                yield SimpleNamespace(ask=ask, grafana=grafana, portal=portal, url=url)
            finally:
                running.terminate()
                running.wait(20)


@pytest.fixture(autouse=True)
def _fresh(request):
    if "front" in request.fixturenames:
        grafana = request.getfixturevalue("front").grafana
        grafana.seen.clear()
        grafana.answers.clear()
        grafana.jwks = None


@pytest.mark.real
def test_staff_reach_grafana_under_their_own_name_and_role(front):
    answer = front.ask("/grafana/api/user", "jihye")
    assert (answer.status, answer.text) == (200, '{"login": "portal.jihye", "role": "Editor"}')
    assert front.grafana.seen[-1].headers["Host"] == front.url.removeprefix("https://")
    assert front.grafana.seen[-1].headers["X-Forwarded-Proto"] == "https"


@pytest.mark.real
def test_the_token_that_arrives_is_one_that_grafana_believes(front):
    front.grafana.jwks = front.portal.data / "keys" / "grafana" / "jwks.json"
    assert front.ask("/grafana/api/user", "admin", headers={"X-Portal-JWT": "forged"}).text == (
        '{"login": "portal.admin", "role": "Viewer"}'
    )


SPELLINGS = ("X-WEBAUTH-USER", "x-webauth-user", "X_WEBAUTH_USER", "X-WEBAUTH-EMAIL", "X-Portal-JWT", "X-Portal-User")


@pytest.mark.real
@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("path", ["/grafana/api/user", "/grafana/public/build/app.js"])
def test_a_forged_identity_is_not_handed_on(front, name, path):
    assert front.ask(path, "jihye", headers={name: "boss"}).status == 200
    assert "boss" not in front.grafana.seen[-1].headers.values()


DOUBLED = (
    [("X-WEBAUTH-USER", "boss"), ("X-WEBAUTH-USER", "boss")],
    [("X-WEBAUTH-USER", "boss"), ("X_WEBAUTH_USER", "boss"), ("x-webauth_user", "boss")],
    [("X-Portal-User", "boss"), ("X-Portal-User", ""), ("X-Portal-Role", "Admin")],
    [("X-Original-URI", "/grafana/api/boss"), ("X-Original-Method", "GET"), ("X-WEBAUTH-ROLE", "boss")],
)


@pytest.mark.real
@pytest.mark.parametrize("headers", DOUBLED)
@pytest.mark.parametrize("past_nginx", [False, True])
def test_a_doubled_identity_is_not_handed_on_by_nginx_nor_by_the_portal(front, headers, past_nginx):
    front.grafana.jwks = front.portal.data / "keys" / "grafana" / "jwks.json"
    answer = front.ask("/grafana/api/user", "jihye", headers=headers, past_nginx=past_nginx)
    assert answer.text == '{"login": "portal.jihye", "role": "Editor"}'
    assert "boss" not in str(front.grafana.seen[-1].headers)
    assert len(front.grafana.seen[-1].headers.get_all("X-Portal-JWT")) == 1


@pytest.mark.real
def test_cookies_and_credentials_pass_in_neither_direction(front):
    path = "/grafana/d/business/business?orgId=1&from=now-6h&to=now&theme=light&kiosk"
    answer = front.ask(path, "jihye", headers={"Authorization": "Basic YTpi", "Foo": "bar"})
    assert answer.status == 200
    assert not {"Cookie", "Authorization", "Foo"} & set(front.grafana.seen[-1].headers)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers.get_all("X-Frame-Options") == ["SAMEORIGIN"]
    assert answer.headers.get_all("Content-Security-Policy") == ["frame-ancestors 'self'"]


@pytest.mark.real
@pytest.mark.parametrize(("who", "status"), [("", 401), ("eve", 403)])
def test_who_may_not_gets_a_small_page_and_no_redirect(front, who, status):
    answer = front.ask("/grafana/d/business/business", who)
    assert answer.status == status
    assert "<h1>" in answer.text
    assert front.grafana.seen == []


@pytest.mark.real
def test_who_was_deactivated_a_second_ago_is_refused(front):
    assert front.ask("/grafana/api/user", "gone").status == 200
    people = "from django.contrib.auth.models import User; User.objects.filter(username='gone')"
    front.portal.python(f"{people}.update(is_active=False)")
    assert front.ask("/grafana/api/user", "gone").status == 401


WAYS_UP = (
    "/grafana/%2e%2e/api/admin/users", "/grafana/x%2f..%2f..%2fapi", "/grafana/%252e%252e/api", "/grafana/..%5capi",
    "/grafana/public/%252e%252e/api/user", "/grafana/public/..%252fapi/user", "/grafana/public/%25252e%25252e/api",
    "/x/../grafana/api/user", "/grafana/public/..%5c..%5capi",
)  # fmt: skip


@pytest.mark.real
@pytest.mark.parametrize("path", WAYS_UP)
def test_a_way_upwards_never_reaches_grafana(front, path):
    assert front.ask(path, "jihye").status in {302, 400, 403, 404}
    assert front.grafana.seen == []


@pytest.mark.real
@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_a_write_from_elsewhere_is_refused(front, origin):
    headers = {"Origin": origin} if origin else {}
    assert front.ask("/grafana/api/ds/query", "jihye", "POST", headers, b"{}").status == 403
    assert front.grafana.seen == []


@pytest.mark.real
def test_a_query_of_our_own_page_passes_with_its_body(front):
    headers = {"Origin": front.url, "Content-Type": "application/json"}
    assert '"got": "{}"' in front.ask("/grafana/api/ds/query", "jihye", "POST", headers, b"{}").text


@pytest.mark.real
@pytest.mark.parametrize("path", ["/_internal/grafana-auth", "/_internal/grafana-denied", "/metrics", "/metrics/"])
def test_what_is_for_nginx_or_prometheus_is_not_for_people(front, path):
    assert front.ask(path, "jihye").status in {403, 404}


@pytest.mark.real
def test_grafanas_login_form_is_nobodys(front):
    answer = front.ask("/grafana/login", "jihye")
    assert answer.status == 502
    assert 'data-grafana="away"' in answer.text


@pytest.mark.real
def test_the_portals_own_pages_pass(front):
    front.grafana.jwks = front.portal.data / "keys" / "grafana" / "jwks.json"
    answer = front.ask("/admin/dashboards/business/", "jihye")
    assert answer.status == 200
    assert 'data-frame="/grafana/d/business/' in answer.text
