"""The pages of what webhooks took and of their tokens: who sees what, what the buttons do."""

import re
from datetime import timedelta

import pytest
from auditlog.models import LogEntry

from monitoring import hook_tokens
from monitoring.models import Alert, HookToken, Inbound, Incident
from portal.lib import clock
from tests.monitoring.test_intake import alert, deliver, payload, send
from tests.support import seed

pytestmark = pytest.mark.django_db
LIST, TOKENS = "/admin/monitoring/inbound/", "/admin/monitoring/hooktoken/"


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PORTAL_ALERTMANAGER_TOKEN = "the-token-of-this-test"


@pytest.fixture
def operator(client):
    client.force_login(seed.make_user("operator"))
    return client


@pytest.fixture
def administrator(client):
    client.force_login(seed.make_user("administrator", name="kim"))
    return client


def new_token(client, source="alertmanager", kind="bearer", overlap="24", cluster=""):
    answer = client.post(f"{TOKENS}add/", {"source": source, "kind": kind, "overlap": overlap, "cluster": cluster})
    found = re.search(r'pm-break">([\w-]{43})<', answer.content.decode())
    return answer, found and found[1]


def test_the_list_and_a_message_are_shown_with_what_was_left_out(operator):
    row = deliver(operator, alert(), {"labels": {"alertname": "Half<b>"}})
    assert "Half&lt;b&gt; lacks" in operator.get(LIST).content.decode()
    page = operator.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "Half&lt;b&gt; lacks" in page
    assert "HighCPUUsage" in page


def test_a_viewer_sees_no_bodies(client):
    client.force_login(seed.make_user("viewer"))
    row = deliver(client, alert())
    assert client.get(LIST).status_code == 403
    assert client.post(f"{LIST}{row.pk}/process-again/").status_code in (302, 403)
    row.refresh_from_db()
    assert row.processed_at


def test_processing_again_asks_first_and_doubles_nothing(operator):
    row = deliver(operator, alert())
    assert "Nothing is doubled" in operator.get(f"{LIST}{row.pk}/process-again/").content.decode()
    row.refresh_from_db()
    assert row.processed_at
    operator.post(f"{LIST}{row.pk}/process-again/")
    row.refresh_from_db()
    assert row.processed_at is None
    from monitoring.tasks import take_waiting

    take_waiting()
    assert (Alert.objects.count(), Incident.objects.count()) == (1, 1)
    assert LogEntry.objects.get_for_object(row).exists()


def test_processing_again_takes_what_could_not_be_taken(operator, monkeypatch):
    from monitoring import alertmanager, inbound
    from monitoring.payloads import NotUnderstood

    def broken(_raw):
        raise NotUnderstood("a defect of ours")

    with monkeypatch.context() as patched:
        patched.setattr(alertmanager, "read", broken)
        row = deliver(operator, alert())
    assert (row.taken, row.error) == (0, "a defect of ours")
    assert inbound.again(row)
    assert inbound.take(Inbound.objects.get(pk=row.pk)) == 1


def test_both_lists_open_with_the_same_queries_for_many_rows(administrator, django_assert_max_num_queries):
    cluster = seed.make_cluster()
    for _ in range(30):
        Inbound.objects.create(source="proxmox", cluster=cluster, body="{}", processed_at=clock.now())
        hook_tokens.issue("proxmox", cluster=cluster, keep=timedelta(0))
    for address in (LIST, TOKENS):
        administrator.get(address)
        with django_assert_max_num_queries(16):
            assert administrator.get(address).status_code == 200


def test_a_new_token_is_shown_once_and_opens_the_door(administrator):
    answer, token = new_token(administrator)
    assert "no-store" in answer["Cache-Control"]
    assert send(administrator, payload(), token=token).status_code == 202
    row = HookToken.objects.get(expires_at=None)
    assert row.created_by == "kim"
    assert token not in administrator.get(f"{TOKENS}{row.pk}/change/").content.decode()
    assert token not in str(list(LogEntry.objects.values_list("changes", flat=True)))


def test_the_old_token_is_taken_for_the_overlap_and_then_refused(administrator):
    import time_machine

    new_token(administrator, overlap="24")
    assert send(administrator, payload()).status_code == 202
    with time_machine.travel(clock.now() + timedelta(hours=25), tick=True):
        assert send(administrator, payload()).status_code == 401


def test_an_overlap_of_nought_ends_it_at_once(administrator):
    new_token(administrator, overlap="0")
    assert send(administrator, payload()).status_code == 401


def test_a_token_is_ended_by_its_button(administrator):
    _answer, token = new_token(administrator)
    row = HookToken.objects.get(expires_at=None)
    assert "401" in administrator.get(f"{TOKENS}{row.pk}/end-now/").content.decode()
    administrator.post(f"{TOKENS}{row.pk}/end-now/")
    assert send(administrator, payload(), token=token).status_code == 401


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"source": "alertmanager", "kind": "signature"}, "Only Grafana signs"),
        ({"source": "proxmox"}, "Choose the cluster"),
        ({"overlap": "-1"}, "greater than or equal to 0"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused_with_a_sentence(administrator, form, words):
    answer, token = new_token(administrator, **form)
    assert token is None
    assert words in answer.content.decode()
    assert not HookToken.objects.exists()


def test_only_administrators_make_tokens(operator):
    assert operator.get(f"{TOKENS}add/").status_code == 403
    assert operator.get(TOKENS).status_code == 403
