"""The gateway says what went wrong, in a sentence, and believes nothing that is not Proxmox's."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from servers.proxmox.errors import (
    CertificateRejected,
    NodeUnreachable,
    NotAllowed,
    OddAnswer,
    ProxmoxError,
    Refused,
    TokenRefused,
    Unreachable,
)
from servers.proxmox.formats import segment
from servers.proxmox.gateway import Credentials, Gateway, seen_fingerprint

OTHER = ":".join(["00"] * 32)


def credentials(pve, **changes):
    fields = {"token_id": pve.token_id, "token_secret": pve.token_secret, "tls_mode": "fingerprint"}
    return Credentials(**{**fields, "fingerprint": pve.fingerprint, **changes})


def ask(pve, question=lambda gateway: gateway.version(), endpoint=None, seconds=5.0, **changes):
    with Gateway(credentials(pve, **changes), endpoint or pve.url, read_seconds=seconds) as gateway:
        return question(gateway)


def test_a_pinned_fingerprint_is_accepted_in_any_spelling(pve):
    assert ask(pve) == ask(pve, fingerprint=pve.fingerprint.replace(":", "").lower()) == "9.2.11"


def test_an_own_authority_is_accepted(pve):
    assert ask(pve, tls_mode="ca", ca_certificate=Path(pve.ca_path).read_text()) == "9.2.11"


def test_a_certificate_of_an_unknown_authority_is_refused_with_a_way_out(pve):
    with pytest.raises(CertificateRejected, match="authority that is not trusted.*fingerprint"):
        ask(pve, tls_mode="system")


def test_a_wrong_fingerprint_sends_no_byte_of_the_request(pve):
    pve.requests.clear()
    with pytest.raises(CertificateRejected, match="another fingerprint"):
        ask(pve, fingerprint=OTHER)
    assert not pve.requests


def test_a_wrong_fingerprint_keeps_the_token_even_from_a_server_that_only_listens(pve):
    """A TLS server that records every byte after the handshake must see none."""
    heard: list[bytes] = []
    with _listener(pve, heard) as endpoint, pytest.raises(CertificateRejected):
        ask(pve, endpoint=endpoint, fingerprint=OTHER)
    assert b"".join(heard) == b""


def test_the_listener_does_hear_a_request_that_is_sent(pve):
    heard: list[bytes] = []
    with _listener(pve, heard) as endpoint, pytest.raises(ProxmoxError):
        ask(pve, endpoint=endpoint, seconds=0.5)
    assert b"PVEAPIToken" in b"".join(heard)


def test_a_wrong_token_is_told_as_such(pve):
    with pytest.raises(TokenRefused, match="refused the API token"):
        ask(pve, token_secret="nonsense")


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("html", OddAnswer, "web page"),
        ("truncated", OddAnswer, "cut off"),
        ("null", OddAnswer, "shape"),
        ("empty", OddAnswer, "no node at all"),
        ("errors_dict", OddAnswer, "shape"),
        ("empty_body", OddAnswer, "empty page"),
        ("bad_json", OddAnswer, "did not answer like Proxmox"),
        ("redirect", OddAnswer, "redirect"),
        ("wrong_types", OddAnswer, "no node"),
        ("reset", Unreachable, "connection broke"),
        ("401", TokenRefused, "token"),
        ("403", NotAllowed, "Permission check failed"),
        ("500", Refused, "Proxmox says"),
        ("595", NodeUnreachable, "595 No route to host"),
        ("596", NodeUnreachable, "596"),
    ],
)
def test_each_odd_answer_has_its_error_and_its_sentence(pve, kind, error, words):
    pve.misbehave("/cluster/resources", kind)
    with pytest.raises(error, match=words) as caught:
        ask(pve, lambda gateway: gateway.resources())
    assert pve.token_secret not in str(caught.value)


def test_a_slow_answer_is_given_up_in_time(pve):
    pve.misbehave("/version", "slow", seconds=3)
    with pytest.raises(Unreachable, match="no answer within"):
        ask(pve, seconds=0.3)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("https://no-such-host.invalid:8006", "host name is not known"),
        ("https://127.0.0.1:1", "nothing listens there"),
        ("https://[::1]:1", "nothing listens there|no route"),
    ],
)
def test_an_endpoint_that_cannot_be_reached_says_why(pve, endpoint, words):
    with pytest.raises(Unreachable, match=words):
        ask(pve, endpoint=endpoint)


def test_plain_http_on_the_port_is_told_from_a_bad_certificate(pve):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_speak_plainly, args=(server,), daemon=True).start()
        with pytest.raises(ProxmoxError, match="TLS|broke"):
            ask(pve, endpoint=f"https://127.0.0.1:{server.getsockname()[1]}")


def test_the_fingerprint_that_an_endpoint_shows_can_be_seen_before_trusting_it(pve):
    assert seen_fingerprint(pve.url) == pve.fingerprint
    assert seen_fingerprint("https://127.0.0.1:1") == ""


@pytest.mark.parametrize("name", ["../config", "a/b", "a?b", "a#b", "", "..", "a b", "a%2fb"])
def test_a_name_that_would_change_the_path_never_reaches_it(name):
    with pytest.raises(OddAnswer):
        segment(name)


class _listener:
    """A TLS server with the simulator's certificate that records what it is sent and says nothing."""

    def __init__(self, pve, heard):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = Path(pve.ca_path).parent
        self.context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.heard = heard

    def __enter__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        return f"https://127.0.0.1:{self.server.getsockname()[1]}"

    def _listen(self):
        connection, _ = self.server.accept()
        connection.settimeout(2)
        try:
            with self.context.wrap_socket(connection, server_side=True) as tls:
                while data := tls.recv(4096):
                    self.heard.append(data)
        except OSError:
            return

    def __exit__(self, *_):
        self.thread.join(timeout=3)
        self.server.close()


def _speak_plainly(server):
    connection, _ = server.accept()
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.close()
