"""The page itself: valid in both formats, whatever the names hold; negotiated; packed."""

import gzip
import subprocess
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from monitoring.exposition import OPENMETRICS, TEXT, Packed, escape, negotiate, takes_gzip
from monitoring.guest_metrics import GuestTexts
from portal.lib import clock
from servers import snapshot
from servers.models import Cluster, Server
from tests.monitoring.inventory import guest, make_backup, make_cluster, node, resync, seed_everything

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ['"', "\\", "\n", '\\"', "\\n", "한국어", "😀", 'a="b"}', "# EOF", "\r", "\u2028", "\\\\n\n"]
)


def page(client, accept: str = "", encoding: str = "") -> bytes:
    answer = client.get("/metrics", headers={"Accept": accept, "Accept-Encoding": encoding})
    assert answer.status_code == 200
    return answer.content


@given(TEXTS)
def test_any_text_comes_back_from_a_label(text):
    line = f'metric{{name="{escape(text)}"}} 1\n'
    (family,) = parse_text(line)
    assert family.samples[0].labels == {"name": text}
    (family,) = parse_openmetrics(f"# TYPE metric gauge\n{line}# EOF\n")
    assert family.samples[0].labels == {"name": text}


@settings(max_examples=60, deadline=None)
@given(names=st.lists(TEXTS, min_size=1, max_size=4))
def test_any_names_of_guests_make_a_valid_page(names):
    cluster, moment = Cluster(pk=1, name="demo", last_success_at=clock.now()), clock.now()
    guests = [guest(number, name=name) for number, name in enumerate(names, 100)]
    snapshot.save(1, snapshot.Snapshot(moment, [node("pve1")], guests, []))
    texts = GuestTexts()
    texts.refresh_usage([cluster])
    text = b"".join(texts.pieces([cluster], OPENMETRICS)).decode() + "# EOF\n"
    families = {family.name: family for family in parse_openmetrics(text)}
    assert [sample.labels["name"] for sample in families["proxmox_guest_cpu_ratio"].samples] == names


@pytest.mark.django_db
def test_half_a_character_in_a_name_spoils_nothing(scrape):
    """Broken JSON may hold it; a database does not, the cache does."""
    cluster = make_cluster()
    resync(cluster, [guest(1, name="half \ud83d"), guest(2)])
    assert scrape().labels("proxmox_guest_cpu_ratio", "name") == ["half ?", "web-2"]


@pytest.mark.django_db
def test_both_formats_tell_the_same(client):
    seed_everything()
    client.get("/")
    plain = {family.name: family.type for family in parse_text(page(client).decode())}
    families = list(parse_openmetrics(page(client, OPENMETRICS.name).decode()))
    assert {family.name for family in families} == plain.keys()
    types = {family.name: family.type for family in families}
    assert types["active_servers_total"] == types["backup_count_total"] == "gauge"
    assert types["server_creation"] == types["proxmox_guest_network_receive_bytes"] == "counter"


@pytest.mark.django_db
@pytest.mark.real
def test_promtool_has_nothing_to_say_but_the_two_names_that_users_have(client):
    seed_everything()
    client.get("/")
    done = subprocess.run(["promtool", "check", "metrics"], input=page(client), capture_output=True, check=False)
    said = [line for line in done.stdout.decode().splitlines() + done.stderr.decode().splitlines() if line]
    assert [line.split()[0] for line in said] == ["active_servers_total", "backup_count_total"]
    assert all('should not have "_total" suffix' in line for line in said)


def assert_told_once(text: str) -> None:
    lines = text.splitlines()
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))
    types = [line for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["", OPENMETRICS.name])
def test_no_series_is_told_twice(client, accept):
    seed_everything()
    assert_told_once(page(client, accept).decode())


@pytest.mark.django_db
def test_a_guest_that_is_renamed_during_a_scrape_has_one_series_per_family(client, monkeypatch):
    make_cluster(guests=[guest(1, name="old"), guest(2, tags=";a,b;c;")])
    make_backup(Server.objects.get(vmid=1))
    states = GuestTexts.refresh_guests

    def rename_meanwhile(texts, clusters, moment):
        Server.objects.filter(vmid=1).update(name=f"new-{clock.now().timestamp()}")
        return states(texts, clusters, moment)

    monkeypatch.setattr(GuestTexts, "refresh_guests", rename_meanwhile)
    for _scrape in range(2):
        text = page(client).decode()
        assert_told_once(text)
        of_the_guest = [line.partition("{")[0] for line in text.splitlines() if 'vmid="1"' in line]
        assert len(of_the_guest) == len(set(of_the_guest)) > 15
    assert 'tags=";a,b;c;"' in text


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["", OPENMETRICS.name])
def test_a_packed_page_is_one_gzip_member_with_the_same_content(client, accept):
    seed_everything()
    packed = page(client, accept, "gzip")
    unpacker = zlib.decompressobj(wbits=31)
    text = unpacker.decompress(packed)
    assert unpacker.eof
    assert not unpacker.unused_data
    assert b"proxmox_vm_status{" in text
    plain = page(client, accept)
    assert text.count(b"\n") == plain.count(b"\n")


@given(st.lists(st.binary(max_size=2000)), st.binary(max_size=2000))
def test_packing_in_two_steps_loses_nothing(pieces, rest):
    assert gzip.decompress(Packed.of(pieces).finished_with(rest)) == b"".join(pieces) + rest


PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        ("text/plain;version=0.0.4;q=0.9, application/openmetrics-text;version=1.0.0;q=0.5", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("", TEXT),
        (";;=,q=x", TEXT),
    ],
)
def test_the_client_gets_the_format_it_likes_best(accept, chosen):
    assert negotiate(accept) is chosen


@pytest.mark.parametrize(
    ("header", "packed"),
    [("gzip", True), ("br;q=1.0, gzip;q=0.8", True), ("gzip;q=0", False), ("identity", False), ("", False)],
)
def test_gzip_is_for_those_who_take_it(header, packed):
    assert takes_gzip(header) is packed


@pytest.mark.django_db
def test_the_headers_say_what_is_inside(client):
    answer = client.get("/metrics/", headers={"Accept": PROMETHEUS_3, "Accept-Encoding": "gzip"})
    assert answer["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer["Vary"]
    assert client.get("/metrics")["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
