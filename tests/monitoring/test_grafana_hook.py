"""Grafana's alerts: a token, a signature with or without its time, and what is its own trouble."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from monitoring import hook_tokens
from monitoring.inbound import take
from monitoring.models import Alert, Inbound, Incident
from portal.lib import clock
from tests.monitoring.test_intake import alert, payload

pytestmark = pytest.mark.django_db
URL = "/hooks/grafana/"
TOKEN, KEY = "grafana-token-of-this-test", "key-of-this-test"


@pytest.fixture(autouse=True)
def _given(settings):
    settings.PORTAL_GRAFANA_HOOK_TOKEN, settings.PORTAL_GRAFANA_HMAC = TOKEN, KEY


def sign(text, key=KEY, at=None):
    message = f"{at}:{text}" if at is not None else text
    signature = hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
    stamp = {"X-Grafana-Alerting-Timestamp": str(at)} if at is not None else {}
    return {"X-Grafana-Alerting-Signature": signature, **stamp}


def send(client, body, token=TOKEN, headers=None):
    text = body if isinstance(body, str) else json.dumps(body)
    shown = sign(text) if headers is None else headers
    return client.post(
        URL, text, content_type="application/json", headers={"Authorization": f"Bearer {token}", **shown}
    )


def message(*alerts, **more):
    return payload(*alerts, **{"version": "1", "orgId": 1, "state": "alerting", "title": "x", **more})


def deliver(client, *alerts):
    assert send(client, message(*alerts)).status_code == 202
    row = Inbound.objects.latest("pk")
    take(row)
    row.refresh_from_db()
    return row


def now(seconds=0):
    return int((clock.now() + timedelta(seconds=seconds)).timestamp())


def test_an_alert_of_grafana_becomes_an_incident_with_a_link_to_its_panel(client):
    link = "http://grafana.example/d/abc?viewPanel=1"
    row = deliver(client, {**alert(), "panelURL": link, "values": {"B": 93}, "silenceURL": "http://g/s", "imageURL": 1})
    assert (row.taken, row.error) == (1, "")
    found = Alert.objects.get()
    assert (found.source, found.link) == ("grafana", link)
    assert Incident.objects.get().title == "CPU is busy (10.20.0.12:9100)"


@pytest.mark.parametrize("at", [None, 0, -200, 200])
def test_a_signature_is_taken_with_and_without_its_time(client, at):
    text = json.dumps(message())
    assert send(client, text, headers=sign(text, at=None if at is None else now(at))).status_code == 202


@pytest.mark.parametrize("seconds", [-301, -86400, 400])
def test_an_old_time_is_refused(client, seconds):
    text = json.dumps(message())
    assert send(client, text, headers=sign(text, at=now(seconds))).status_code == 401
    assert not Inbound.objects.exists()


def wrong_headers():
    text, at = json.dumps(message()), now()
    signed = sign(text, at=at)
    return [
        {}, {"X-Grafana-Alerting-Signature": ""}, sign(text, key="another"), sign(text + " "),
        {"X-Grafana-Alerting-Signature": "틀".encode().decode("latin-1")},
        {**signed, "X-Grafana-Alerting-Timestamp": str(at + 1)},
        {"X-Grafana-Alerting-Signature": signed["X-Grafana-Alerting-Signature"]},  # its time was taken off
        {**sign(text), "X-Grafana-Alerting-Timestamp": str(at)}, sign(text, at="yesterday"), sign(text, at="1" * 40),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(10))
def test_an_unsigned_or_wrongly_signed_message_is_refused(client, number):
    assert send(client, message(), headers=wrong_headers()[number]).status_code == 401
    assert not Inbound.objects.exists()


def test_a_signature_alone_is_not_enough_where_there_is_a_token(client):
    assert send(client, message(), token="wrong").status_code == 401


def test_where_there_is_only_a_key_the_signature_is_enough(client, settings):
    settings.PORTAL_GRAFANA_HOOK_TOKEN = ""
    assert send(client, message(), token="").status_code == 202
    assert send(client, message(), token="", headers={}).status_code == 401


def test_where_there_is_only_a_token_nothing_need_be_signed(client, settings):
    settings.PORTAL_GRAFANA_HMAC = ""
    assert send(client, message(), headers={}).status_code == 202


def test_where_there_is_neither_nobody_may_call(client, settings):
    settings.PORTAL_GRAFANA_HOOK_TOKEN = settings.PORTAL_GRAFANA_HMAC = ""
    assert send(client, message(), token="", headers=sign(json.dumps(message()), key="")).status_code == 401


def test_a_new_key_and_the_old_one_are_taken_until_the_overlap_ends(client):
    import time_machine

    _row, key = hook_tokens.issue("grafana", "signature", keep=timedelta(hours=2))
    text = json.dumps(message())
    assert [send(client, text, headers=sign(text, key=one)).status_code for one in (key, KEY)] == [202, 202]
    with time_machine.travel(clock.now() + timedelta(hours=3), tick=True):
        assert [send(client, text, headers=sign(text, key=one)).status_code for one in (key, KEY)] == [202, 401]


def test_the_token_of_alertmanager_does_not_open_it(client, settings):
    settings.PORTAL_ALERTMANAGER_TOKEN = "another"
    assert send(client, message(), token="another").status_code == 401


@pytest.mark.parametrize(
    ("name", "condition"), [("DatasourceNoData", "datasource_no_data"), ("DatasourceError", "datasource_error")]
)
def test_a_rule_without_data_is_a_trouble_of_its_own(client, name, condition):
    labels = {"alertname": name, "rulename": "CPU high", "datasource_uid": "prom", "condition": "cpu_high"}
    deliver(
        client, {**alert(fingerprint="a", **labels), "annotations": {"Error": "timeout"}}, alert(condition="cpu_high")
    )
    found = Incident.objects.get(condition=condition)
    assert "“CPU high”" in found.title
    assert "timeout" in found.text or condition == "datasource_no_data"
    assert Incident.objects.filter(condition="cpu_high").count() == 1


def test_alertmanager_and_grafana_that_say_the_same_make_one_incident(client, settings):
    from tests.monitoring import test_intake

    settings.PORTAL_ALERTMANAGER_TOKEN = test_intake.TOKEN
    deliver(client, alert(condition="cpu_high"))
    test_intake.deliver(client, alert(condition="cpu_high"))
    assert set(Incident.objects.get().alerts.values_list("source", flat=True)) == {"grafana", "alertmanager"}


def test_another_version_is_read_and_remarked_upon(client):
    send(client, message(alert(), version="7", truncatedAlerts=3))
    row = Inbound.objects.get()
    assert take(row) == 1
    row.refresh_from_db()
    assert "version is 7" in row.error
    assert "left out 3 alerts" in row.error
