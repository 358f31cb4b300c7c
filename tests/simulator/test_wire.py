"""HTTP as the real server speaks it."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
import time

import pytest
import requests

from simulator import Simulator
from tests.simulator.conftest import Client

UNKNOWN = "property is not defined in schema and the schema does not allow additional properties"
NO_KIND = "value 'lxc' does not have a value in the enumeration 'vm, storage, node, sdn'"


def raw(pve: Simulator, text: str, *, tls: bool = True) -> str:
    """Send bytes and return the whole answer until the server closes."""
    connection = socket.create_connection((pve.host, pve.port), timeout=60)
    if tls:
        context = ssl.create_default_context(cafile=pve.ca_path)
        connection = context.wrap_socket(connection, server_hostname="localhost")
    with connection:
        connection.sendall(text.encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received.decode()


def test_the_certificate_is_valid_for_localhost_and_has_the_fingerprint_it_says(pve: Simulator) -> None:
    pem = ssl.get_server_certificate((pve.host, pve.port))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    assert pve.fingerprint.replace(":", "") == digest
    assert requests.get(pve.url.replace("127.0.0.1", "localhost") + "/", verify=pve.ca_path, timeout=60).ok


def test_an_error_is_in_the_reason_phrase_and_in_the_body_and_closes_the_connection(client: Client) -> None:
    answer = client.ask("GET", "/nodes/pve1/qemu/99999/config")
    text = "Configuration file 'nodes/pve1/qemu-server/99999.conf' does not exist"
    assert (answer.status_code, answer.reason) == (500, text)
    assert answer.json() == {"data": None, "message": text + "\n"}
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Server"] == "pve-api-daemon/3.0"


def test_versions_before_8_4_have_the_text_in_the_reason_phrase_only() -> None:
    with Simulator(guests=4, nodes=1, version="7.4") as old:
        answer = Client(old).ask("GET", "/nodes/pve1/qemu/99999/config")
        assert answer.json() == {"data": None}
        assert answer.reason.startswith("Configuration file")


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("", "No ticket"),
        ("Bearer x", "No ticket"),
        ("PVEAPIToken=root@pam!portal=wrong", "Authentication failed!"),
        ("PVEAPIToken=nobody@pve!x=00000000-0000-0000-0000-000000000000", "Authentication failed!"),
    ],
)
def test_bad_credentials_get_401_with_an_empty_body(pve: Simulator, authorization: str, reason: str) -> None:
    answer = requests.get(
        pve.url + "/api2/json/nosuch", headers={"Authorization": authorization}, verify=pve.ca_path, timeout=60
    )
    assert (answer.status_code, answer.reason, answer.content) == (401, reason, b"")
    assert "Content-Type" not in answer.headers


def test_a_refused_login_takes_its_time() -> None:
    with Simulator(guests=2, nodes=1, auth_failure_delay=0.3) as pve:
        begun = time.monotonic()
        assert Client(pve, "PVEAPIToken=a@b!c=d").ask("GET", "/version").status_code == 401
        assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        ("GET", "/nosuch", "Method 'GET /nosuch' not implemented"),
        ("DELETE", "/version", "Method 'DELETE /version' not implemented"),
        ("POST", "/cluster/resources", "Method 'POST /cluster/resources' not implemented"),
        ("PATCH", "/version", "method 'PATCH' not available"),
        ("HEAD", "/version", "method 'HEAD' not available"),
    ],
)
def test_what_does_not_exist_is_501(client: Client, method: str, path: str, reason: str) -> None:
    answer = client.ask(method, path)
    assert (answer.status_code, answer.reason) == (501, reason)


def test_a_body_on_get_is_501(client: Client) -> None:
    answer = client.ask("GET", "/version", data={"a": "b"})
    assert (answer.status_code, answer.text) == (501, "Unexpected content for method 'GET'")


@pytest.mark.parametrize(
    ("path", "given", "errors"),
    [
        ("/cluster/resources", {"foo": 1}, {"foo": UNKNOWN}),
        ("/cluster/resources", {"type": "lxc"}, {"type": NO_KIND}),
        ("/nodes/pve1/qemu", {"full": "True"}, {"full": "type check ('boolean') failed - got 'True'"}),
        ("/nodes/pve1/rrddata", {}, {"timeframe": "property is missing and it is not optional"}),
        ("/nodes/pve1/qemu/abc/config", {}, {"vmid": "type check ('integer') failed - got 'abc'"}),
        ("/nodes/pve1/qemu/50/config", {}, {"vmid": "invalid format - value does not look like a valid VM ID\n"}),
        ("/nodes/pve1/storage/nosuch/status", {}, {"storage": "No such storage."}),
        ("/nodes/pve1/tasks/garbage/status", {}, {"upid": "unable to parse worker upid"}),
    ],
)  # fmt: skip
def test_wrong_parameters_are_named_in_a_400(
    client: Client, path: str, given: dict[str, object], errors: object
) -> None:
    answer = client.ask("GET", path, params=given)
    assert (answer.status_code, answer.reason) == (400, "Parameter verification failed.")
    assert answer.json()["errors"] == errors


def test_json_bodies_take_real_booleans_and_broken_ones_are_500(client: Client, vm: int) -> None:
    path = f"/nodes/pve1/qemu/{vm}/status/shutdown"
    assert client.ask("POST", path, json={"forceStop": True, "timeout": 5}).status_code == 200
    broken = client.ask("POST", path, data="{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 500
    assert broken.reason.startswith("malformed JSON string")


def test_long_answers_are_packed_and_short_ones_are_not(client: Client) -> None:
    assert client.ask("GET", "/cluster/resources").headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in client.ask("GET", "/version").headers
    plain = client.ask("GET", "/cluster/resources", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.json()["data"]


def test_a_connection_serves_a_hundred_requests(client: Client) -> None:
    answers = [client.ask("GET", "/version").headers["Connection"] for _ in range(101)]
    assert answers.count("close") == 1
    assert answers.index("close") == 99


def test_plain_http_is_sent_to_https(pve: Simulator) -> None:
    assert raw(pve, "GET /version HTTP/1.1\r\nHost: pve:8006\r\n\r\n", tls=False).startswith("HTTP/1.1 301 Moved")
    answer = raw(pve, "POST /version HTTP/1.1\r\nHost: pve:8006\r\nContent-Length: 0\r\n\r\n", tls=False)
    assert answer.startswith("HTTP/1.1 308 Permanent Redirect")
    assert "Location: https://pve:8006/version" in answer


def test_paths_outside_the_api_are_a_web_page(pve: Simulator) -> None:
    assert "<html>" in requests.get(pve.url + "/", verify=pve.ca_path, timeout=60).text


def test_many_clients_are_served_at_once(pve: Simulator) -> None:
    results: list[int] = []

    def work() -> None:
        client = Client(pve)
        results.extend(client.ask("GET", "/cluster/resources").status_code for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [200] * 120


def test_a_client_that_says_nothing_does_not_hold_up_the_others(pve: Simulator, client: Client) -> None:
    with socket.create_connection((pve.host, pve.port)), socket.create_connection((pve.host, pve.port)):
        assert client.get("/version")["release"] == "9.2"


def test_requests_are_remembered_without_passwords(pve: Simulator, client: Client) -> None:
    client.get("/cluster/resources", type="vm")
    client.post("/access/ticket", username="root@pam", password="secret")
    asked, login = list(pve.requests)[-2:]
    assert (asked.method, asked.path, asked.params, asked.status) == ("GET", "/cluster/resources", {"type": "vm"}, 200)
    assert login.params["password"] == "***"


def test_broken_requests_get_an_answer(pve: Simulator) -> None:
    head = "GET /api2/json/version HTTP/1.1\r\nHost: x\r\n"
    assert raw(pve, head + "Content-Length: many\r\n\r\n").startswith("HTTP/1.1 400 bad request")
    assert raw(pve, "POST /api2/json/version HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").startswith(
        "HTTP/1.1 501 chunked transfer encoding not supported"
    )
    assert raw(pve, "nonsense\r\n\r\n").count("400") >= 1


def test_two_simulators_do_not_share_answers() -> None:
    for guests in (2, 5):
        with Simulator(guests=guests, nodes=1) as pve:
            assert len(Client(pve).get("/cluster/resources", type="vm")) == guests
