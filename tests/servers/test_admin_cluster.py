"""The form of a cluster: what it accepts, what it refuses in which words, and that the secret never comes out."""

import html
import re
from datetime import timedelta

import pytest
import trustme
from auditlog.models import LogEntry
from django.conf import settings
from django.core.exceptions import ValidationError

from portal.lib import clock
from servers.admin import clusters
from servers.connection import ConnectionReport
from servers.models import Cluster
from servers.tls import parse_authority, parse_fingerprint
from tests.support import seed

pytestmark = pytest.mark.django_db

ADD = "/admin/servers/cluster/add/"
PRINT = ":".join(["AB"] * 32)
FORM = {
    "name": "berlin", "enabled": "on", "interval": "15", "endpoints": "pve1.example.org\nhttps://[2001:db8::5]:8006/",
    "token_id": "portal@pve!manager", "token_secret": seed.SECRET, "tls_mode": "system", "ca_certificate": "",
    "fingerprint": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def answer(monkeypatch):
    """What the cluster answers when it is checked; no network in these tests."""
    report = ConnectionReport(True, "Connected to Proxmox VE 9.1.2; everything is allowed.")
    checked = []

    def check(cluster):
        from django.db import transaction

        checked.append((cluster, transaction.get_connection().savepoint_ids))
        return check.report

    check.report, check.calls = report, checked
    monkeypatch.setattr(clusters, "check_connection", check)
    return check


def change_url(cluster):
    return f"/admin/servers/cluster/{cluster.pk}/change/"


def test_adding_keeps_every_address_in_one_form_and_says_what_the_cluster_answered(answer):
    page = seed.browser("administrator").post(ADD, FORM, follow=True)
    assert Cluster.objects.get().endpoints == ["https://pve1.example.org:8006", "https://[2001:db8::5]:8006"]
    assert "everything is allowed" in page.content.decode()


def test_the_check_after_saving_runs_outside_the_transaction(answer):
    seed.browser("administrator").post(ADD, FORM)
    assert [savepoints for _cluster, savepoints in answer.calls] == [[]]


def test_a_failed_check_keeps_the_row_and_shows_sentence_hint_and_fingerprint(answer):
    answer.report = ConnectionReport(
        False, "Its certificate is not trusted.", "Pin it.", endpoint="https://pve1:8006", fingerprint=PRINT
    )
    page = seed.browser("administrator").post(ADD, FORM, follow=True).content.decode()
    assert Cluster.objects.count() == 1
    assert "Its certificate is not trusted. Pin it." in page
    assert PRINT in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"endpoints": "http://pve1"}, "Proxmox answers on https only"),
        ({"endpoints": ""}, "This field is required"),
        ({"endpoints": "https://pve1/login"}, "leave the path out"),
        ({"token_id": "root@pam"}, "That is a user"),
        ({"token_id": "root@pam!a=b"}, "Write only the part before"),
        ({"token_id": "x!y"}, "Write the token id as USER@REALM!NAME"),
        ({"token_secret": ""}, "Enter the secret that Proxmox showed"),
        ({"tls_mode": "fingerprint"}, "Enter the fingerprint, or choose another check"),
        ({"tls_mode": "fingerprint", "fingerprint": "zz"}, "this has other characters"),
        ({"tls_mode": "fingerprint", "fingerprint": "AB" * 20}, "That is a SHA-1 fingerprint"),
        ({"tls_mode": "fingerprint", "fingerprint": "ABCD"}, "has 64 hex digits, this has 4"),
        ({"tls_mode": "ca"}, "Paste the CA&#x27;s certificate"),
        ({"tls_mode": "ca", "ca_certificate": "hello"}, "Paste the PEM text"),
        ({"tls_mode": "ca", "ca_certificate": "-----BEGIN PRIVATE KEY-----"}, "That is a private key"),
        ({"tls_mode": "ca", "ca_certificate": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"},
         "cannot be read"),
        ({"interval": "2"}, "greater than or equal to 5"),
        ({"name": "a/b"}, "Use letters, digits, spaces"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence_and_nothing_is_kept(changes, sentence, answer):
    page = seed.browser("administrator").post(ADD, {**FORM, **changes})
    assert sentence in page.content.decode()
    assert not Cluster.objects.exists()
    assert not answer.calls


def test_fingerprints_are_understood_as_tools_print_them():
    for typed in (PRINT, PRINT.lower(), "AB" * 32, f"sha256 Fingerprint={PRINT}", f"SHA-256: {PRINT}"):
        assert parse_fingerprint(typed) == PRINT


def test_an_authority_is_kept_and_an_expired_one_is_refused():
    authority = trustme.CA()
    pem = authority.cert_pem.bytes().decode()
    assert parse_authority(f"\n {pem}") == pem
    old = authority.issue_cert("pve1", not_after=clock.now() - timedelta(days=1)).cert_chain_pems[0].bytes().decode()
    with pytest.raises(ValidationError, match="expired"):
        parse_authority(old)


def test_the_secret_is_never_rendered():
    cluster = seed.make_cluster()
    client = seed.browser(superuser=True)
    seed.browser(superuser=True).post(change_url(cluster), {**FORM, "token_secret": "0ther-5ecret", "interval": ""})
    for address in (change_url(cluster), "/admin/servers/cluster/", "/admin/", "/admin/auditlog/logentry/",
                    "/admin/servers/cluster/export/csv/", f"{change_url(cluster)[:-7]}history/"):  # fmt: skip
        assert seed.SECRET not in client.get(address).getvalue().decode()


def test_an_answer_to_a_refused_form_does_not_repeat_the_secret():
    page = seed.browser("administrator").post(ADD, {**FORM, "interval": ""})
    assert seed.SECRET not in page.content.decode()


def test_an_empty_secret_keeps_the_present_one(answer):
    cluster = seed.make_cluster("berlin", endpoints=["https://pve1.example.org:8006"])
    form = {**FORM, "endpoints": "https://pve1.example.org:8006", "token_secret": "", "interval": "30"}
    seed.browser("administrator").post(change_url(cluster), form)
    cluster.refresh_from_db()
    assert (cluster.token_secret, cluster.interval) == (seed.SECRET, 30)
    assert not answer.calls  # nothing of the connection was changed


def test_a_new_secret_is_kept_checked_and_audited_without_its_text(answer):
    cluster = seed.make_cluster("berlin")
    seed.browser("administrator").post(change_url(cluster), {**FORM, "token_secret": "0ther-5ecret"})
    cluster.refresh_from_db()
    assert cluster.token_secret == "0ther-5ecret"
    assert len(answer.calls) == 1
    trail = [entry.changes for entry in LogEntry.objects.get_for_object(cluster)]
    assert any("token_secret" in changes for changes in trail)
    assert "5ecret" not in str(trail)
    assert seed.SECRET not in str(trail)


def test_saving_leaves_the_syncs_columns_alone():
    cluster = seed.make_cluster("berlin")
    page = seed.browser("administrator").get(change_url(cluster))
    assert page.status_code == 200
    Cluster.objects.filter(pk=cluster.pk).update(last_error="broken", failures=3)
    seed.browser("administrator").post(change_url(cluster), {**FORM, "interval": "60"})
    cluster.refresh_from_db()
    assert (cluster.interval, cluster.last_error, cluster.failures) == (60, "broken", 3)


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_administrators_edit(role):
    cluster, client = seed.make_cluster(), seed.browser(role)
    assert client.get(ADD).status_code == 403
    assert client.get(change_url(cluster)).status_code == 200
    assert client.post(change_url(cluster), FORM).status_code == 403
    assert client.post(f"{change_url(cluster)[:-7]}delete/", {"post": "yes"}).status_code == 403


def test_the_page_tells_the_last_error_since_when_it_fails_and_what_is_held_back():
    cluster = seed.make_cluster(last_error="None of its endpoints answered.", failures=12, held_retirements=14)
    Cluster.objects.filter(pk=cluster.pk).update(failing_since=cluster.created_at)
    page = seed.browser("viewer").get(change_url(cluster)).content.decode()
    for text in ("None of its endpoints answered.", "Failing since", "14 servers are missing from the answers"):
        assert text in page


def test_deleting_counts_what_goes_with_it_and_leaves_one_entry():
    cluster = seed.many_servers(12)
    client, address = seed.browser("administrator"), f"{change_url(cluster)[:-7]}delete/"
    page = client.get(address).content.decode()
    assert cluster.server_set.first().name not in page
    assert Cluster.objects.count() == 1
    LogEntry.objects.all().delete()
    client.post(address, {"post": "yes"})
    assert not Cluster.objects.exists()
    assert [entry.changes["name"] for entry in LogEntry.objects.all()] == [[cluster.name, ""]]


def test_the_delete_page_says_that_proxmox_is_left_alone_and_what_goes_here():
    cluster = seed.many_servers(12)
    page = seed.browser("administrator").get(f"{change_url(cluster)[:-7]}delete/").content.decode()
    assert "Nothing happens in Proxmox" in page
    assert "12 servers, 3 nodes" in page
    assert "Incidents, counters and the audit trail stay" in page


@pytest.mark.parametrize("role", ["viewer", "operator", "administrator"])
def test_nobody_is_ever_shown_the_secret(role):
    cluster = seed.make_cluster("secretive", token_secret="TOP-SECRET-VALUE", endpoints=["https://pve1:8006"])
    page = seed.browser(role).get(f"/admin/servers/cluster/{cluster.pk}/change/").content.decode()
    assert "TOP-SECRET-VALUE" not in page
    assert "https://pve1:8006" in page
    assert "[&quot;https" not in page


def test_who_has_no_token_yet_reads_in_the_form_and_in_the_readme_which_lines_make_one():
    page = seed.browser("administrator").get(ADD).content.decode()
    readme = (settings.BASE_DIR / "README.md").read_text()
    lines = re.findall("pveum .+?(?=<br>|</code>)", page)
    assert len(lines) == 3
    assert all(html.unescape(line) in readme for line in lines)
