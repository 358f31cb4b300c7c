"""Which addresses outgoing calls may reach."""

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from threading import Thread

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal.lib.addresses import AddressGuard, AddressRefused
from portal.lib.environment import Environment
from portal.lib.http import GuardedSession, why
from portal.lib.smtp import smtp_settings

INTERNAL = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "192.0.0.192",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]


@pytest.mark.parametrize("address", INTERNAL)
def test_an_internal_address_is_refused(address):
    assert not AddressGuard().allows("example.org", ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address):
    assert AddressGuard().allows("example.org", ip_address(address))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]"])
def test_this_machine_is_refused_in_every_spelling(host):
    with pytest.raises(AddressRefused):
        AddressGuard().resolve(host, 80)


@pytest.mark.parametrize("entry", ["127.0.0.0/8", "127.0.0.1", "localhost"])
def test_the_list_allows_a_network_an_address_or_a_host(entry):
    assert AddressGuard([entry]).allows("localhost", ip_address("127.0.0.1"))
    assert not AddressGuard([entry]).allows("other", ip_address("10.0.0.1"))


def test_an_allowed_address_is_allowed_in_its_ipv6_form():
    assert AddressGuard(["10.0.0.0/8"]).allows("x", ip_address("::ffff:10.0.0.1"))


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "10.0.0", "a b", "-", "http://x"])
def test_a_list_that_holds_nonsense_is_refused_by_name(entry):
    with pytest.raises(ImproperlyConfigured, match="PORTAL_ALLOWED_INTERNAL"):
        AddressGuard([entry])


def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch):
    """DNS rebinding: public when judged, internal when asked again. There is no second look."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    real, asked = socket.getaddrinfo, []

    def fickle(host, port, *args, **kwargs):
        if host != "fickle.example":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return real("8.8.8.8" if len(asked) == 1 else "127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", fickle)
    reached = []
    monkeypatch.setattr("portal.lib.http.create_connection", lambda address, *a, **k: reached.append(address) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        GuardedSession("test", 1, AddressGuard()).get(f"http://fickle.example:{server.server_port}/")
    assert reached == [("8.8.8.8", server.server_port)]
    assert len(asked) == 1
    server.shutdown()
    server.server_close()


def test_a_name_that_resolves_to_this_machine_is_refused(monkeypatch):
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1", *a, **k))
    with pytest.raises(AddressRefused) as refusal:
        GuardedSession("test", 1, AddressGuard()).get("http://harmless.example/")
    assert "PORTAL_ALLOWED_INTERNAL" in why(refusal.value)


def test_behind_a_proxy_an_internal_address_is_refused_too(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(AddressRefused):
        GuardedSession("test", 1, AddressGuard()).get("http://10.0.0.1/")


def test_the_mail_server_comes_from_one_line_or_from_several():
    line = smtp_settings(Environment({"PORTAL_EMAIL_URL": "smtps://portal%40x.org:p%3Aw@mail.x.org"}))
    assert (line.host, line.port, line.user, line.password) == ("mail.x.org", 465, "portal@x.org", "p:w")
    assert (line.encryption, line.sender) == ("tls", "portal@x.org")
    several = smtp_settings(Environment({"PORTAL_SMTP_HOST": "mail", "PORTAL_SMTP_TLS": "none"}))
    assert (several.port, several.encryption) == (25, "none")
    assert smtp_settings(Environment({})).host == ""


@pytest.mark.parametrize(
    "variables",
    [
        {"PORTAL_EMAIL_URL": "mail.example.org"},
        {"PORTAL_EMAIL_URL": "smtp://u:secret@h:99999"},
        {"PORTAL_EMAIL_URL": "smtp://h", "PORTAL_SMTP_HOST": "h"},
        {"PORTAL_SMTP_TLS": "yes"},
        {"PORTAL_SMTP_FROM": "nobody"},
    ],
)
def test_nonsense_about_the_mail_server_is_refused_without_its_secrets(variables):
    with pytest.raises(ImproperlyConfigured) as refusal:
        smtp_settings(Environment(variables))
    assert "PORTAL_" in str(refusal.value)
    assert "secret" not in str(refusal.value)
