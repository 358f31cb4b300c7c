"""The inventory from a shell."""

import pytest
from django.core.management import CommandError, call_command

from servers.models import Cluster, Server

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret(tmp_path, pve):
    path = tmp_path / "secret"
    path.write_text(pve.token_secret + "\n")
    return path


def add(pve, secret, *more, name="demo"):
    call_command(
        "add_cluster", name, "--endpoint", pve.url, "--token-id", pve.token_id, "--token-secret-file", str(secret),
        "--fingerprint", pve.fingerprint, *more,
    )  # fmt: skip


def test_a_cluster_is_added_and_synced_from_a_script(pve, secret, capsys):
    add(pve, secret)
    call_command("sync_now", "demo")
    assert "appeared" in capsys.readouterr().out
    assert Server.objects.exists()


def test_the_same_call_twice_changes_nothing(pve, secret):
    add(pve, secret)
    before = Cluster.objects.values("endpoints", "token_id", "fingerprint", "interval", "name").get()
    add(pve, secret)
    assert Cluster.objects.values("endpoints", "token_id", "fingerprint", "interval", "name").get() == before


def test_the_secret_is_encrypted_in_the_database(pve, secret):
    from django.db import connection

    add(pve, secret)
    with connection.cursor() as cursor:
        cursor.execute("SELECT token_secret FROM servers_cluster")
        stored = cursor.fetchone()[0]
    assert pve.token_secret not in stored
    assert Cluster.objects.get().token_secret == pve.token_secret


def test_a_failing_check_is_told_and_the_cluster_kept(pve, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("nonsense")
    with pytest.raises(CommandError, match="refused the API token"):
        add(pve, wrong)
    assert Cluster.objects.exists()


def test_a_missing_secret_file_is_told(pve, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        add(pve, tmp_path / "absent")


def test_a_failing_sync_ends_with_the_reason(pve, secret):
    add(pve, secret)
    pve.misbehave("/cluster/resources", "html")
    with pytest.raises(CommandError, match="demo: .*web page"):
        call_command("sync_now")


def test_an_unknown_name_is_told_with_the_known_ones(pve, secret):
    add(pve, secret)
    with pytest.raises(CommandError, match=r"No cluster is called nope\. There are: demo"):
        call_command("sync_now", "nope")


def test_no_cluster_at_all_says_what_to_do(db):
    with pytest.raises(CommandError, match="add_cluster"):
        call_command("sync_now")
