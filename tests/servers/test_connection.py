"""“Check connection” says which trouble it is, and prints the line that mends it."""

import json
import re

import pytest
from django.template.loader import render_to_string

from servers.connection import check_connection, judge
from servers.models import Server, TlsMode
from servers.sync import sync_cluster
from tests.support.proxmox import SHARED

pytestmark = pytest.mark.django_db


def check(cluster, **columns):
    for name, value in columns.items():
        setattr(cluster, name, value)
    return check_connection(cluster)


def test_a_token_with_all_rights_may_do_everything(cluster):
    report = check(cluster)
    assert report.ok
    assert "everything is allowed" in report.sentence
    assert all(feature.allowed for feature in report.features)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"endpoints": ["https://no-such-host.invalid:8006"]}, "host name is not known"),
        ({"endpoints": ["https://127.0.0.1:1"]}, "nothing listens"),
        ({"token_secret": "wrong"}, "refused the API token"),
        ({"fingerprint": ":".join(["AB"] * 32)}, "another fingerprint"),
        ({"tls_mode": TlsMode.SYSTEM}, "not trusted"),
    ],
)
def test_each_mistake_has_its_sentence(cluster, columns, words):
    report = check(cluster, **columns)
    assert not report.ok
    assert words in report.sentence
    assert report.hint


def test_a_login_page_in_between_is_recognised(cluster, pve):
    pve.misbehave("/version", "html")
    assert "login page" in check(cluster).sentence


def test_the_fingerprint_on_the_wire_is_offered_for_pinning(cluster, pve):
    assert check(cluster, tls_mode=TlsMode.SYSTEM).fingerprint == pve.fingerprint


def test_a_token_without_rights_gets_the_pveum_line(cluster, pve):
    pve.set_token_rights("none")
    report = check(cluster)
    assert not report.ok
    assert f"pveum acl modify / --users 'root@pam' --tokens '{pve.token_id}' --roles PVEAuditor" in report.hint


def test_an_auditor_sees_what_is_missing_for_each_feature(cluster, pve):
    pve.set_token_rights("auditor")
    report = check(cluster)
    power = next(feature for feature in report.features if feature.name == "Start and stop")
    assert report.ok
    assert (power.allowed, power.missing) == (False, ["VM.PowerMgmt"])
    assert "VM.PowerMgmt" in power.pveum


def test_a_right_on_some_guests_only_is_told_as_partly():
    features = judge({"/": {"VM.Audit": 1}, "/vms/101": {"VM.PowerMgmt": 1}}, "a@pve!b")
    assert {f.name: f.allowed for f in features}["Start and stop"] is None


def test_a_token_that_lost_its_rights_empties_no_inventory(cluster, pve):
    sync_cluster(cluster)
    known = Server.objects.count()
    pve.set_token_rights("none")
    for _ in range(4):
        cluster.refresh_from_db()
        assert "may see nothing" in sync_cluster(cluster).error
    assert Server.objects.filter(retired_at=None).count() == known


def test_a_fresh_token_without_rights_is_no_empty_cluster(cluster, pve):
    pve.set_token_rights("none")
    assert "may see nothing" in sync_cluster(cluster).error
    cluster.refresh_from_db()
    assert cluster.first_complete_at is None


def test_a_cluster_that_really_has_no_guests_is_a_good_sync(cluster, pve):
    for vmid in list(pve.cluster.guests):
        pve.remove_guest(vmid)
    assert sync_cluster(cluster).error == ""


@pytest.mark.parametrize("version", ["8.4", "9.2"])
def test_the_roles_that_the_pages_name_are_enough_for_all_but_notifications(version):
    file = SHARED / "recorded" / f"live-get-{version}.json"
    if not file.exists():
        pytest.skip(f"{file.name}: the recorded answers of real servers are not here")
    answers = json.loads(file.read_text())["interactions"]
    known = next(answer["body"]["data"] for answer in answers if answer["path"] == "/access/roles")
    named = re.search(r"--roles (\S+?)<br>", render_to_string("portal/make_a_token.html"))[1].split(",")
    held = {privilege: 1 for role in known if role["roleid"] in named for privilege in role["privs"].split(",")}
    features = judge({"/": held}, "portal@pve!manager")
    assert [feature.name for feature in features if not feature.allowed] == ["Send notifications here"]
