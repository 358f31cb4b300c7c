"""Whatever anybody sends: the right status, never a 500, and no good alert lost beside a bad one."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from monitoring.inbound import take
from monitoring.models import Alert, Inbound, Incident
from monitoring.payloads import clean, epoch, link, moment
from tests.monitoring.test_intake import TOKEN, alert, goes, payload, send

pytestmark = pytest.mark.django_db
RELAXED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

LEAVES = (
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=40)
    | some.sampled_from(["\x00", "\ud800", "\u202e", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.123456789Z",
                         "2026-03-02T08:15:21.632123456+23:59", "firing", "javascript:alert(1)", "٣", "x" * 5000])
)  # fmt: skip
ANYTHING = some.recursive(
    LEAVES, lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=8), inner, max_size=4)
)
FIELDS = ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint")
# An alert of which any part may be anything, or missing.
BROKEN = some.dictionaries(some.sampled_from(FIELDS), ANYTHING).map(lambda parts: {**alert(), **parts}) | ANYTHING


@pytest.fixture(autouse=True)
def _token(settings):
    settings.PORTAL_ALERTMANAGER_TOKEN = TOKEN


def as_text(value):
    return json.dumps(value)


@RELAXED
@given(body=ANYTHING.map(as_text) | some.binary(max_size=200) | some.text(max_size=100))
@example(body='{"alerts": [1e999]}')
@example(body='{"alerts": ' + "9" * 5000 + "}")
@example(body='{"alerts": [{"labels": {"a": NaN}}], "version": NaN}')
def test_any_body_gets_202_or_400(client, body):
    answer = send(client, body)
    assert answer.status_code in (202, 400)
    for row in Inbound.objects.filter(processed_at=None):
        take(row)


@RELAXED
@given(bad=some.lists(BROKEN, max_size=4), place=some.integers(0, 4), version=ANYTHING)
def test_a_good_alert_survives_whatever_stands_beside_it(client, bad, place, version):
    Alert.objects.all().delete()
    good = alert(fingerprint="the-good-one", instance="good", alertname="Good")
    bad.insert(min(place, len(bad)), good)
    assert send(client, as_text({"version": version, "alerts": bad, "truncatedAlerts": version})).status_code == 202
    row = Inbound.objects.latest("pk")
    take(row)
    row.refresh_from_db()
    assert row.processed_at
    assert Alert.objects.filter(fingerprint="the-good-one", status="firing").exists()


@RELAXED
@given(text=some.text(alphabet=some.characters(codec=None), max_size=300), longest=some.integers(1, 100))
def test_a_cleaned_text_fits_and_can_be_written_anywhere(text, longest):
    found = clean(text, longest)
    assert len(found) <= longest
    assert "\x00" not in found
    found.encode()


@given(value=LEAVES | some.text())
def test_a_moment_is_none_or_one_that_every_database_keeps(value):
    for found in (moment(value), epoch(value)):
        assert found is None or (1970 <= found.year <= 9990 and found.utcoffset().total_seconds() == 0)


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2026-03-02T08:15:21.632123456Z", 2026), ("2026-03-02T08:15:21+09:00", 2026), ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None), ("9999-12-31T23:59:59-14:00", None), ("2026-02-30T00:00:00Z", None),
    ],
)  # fmt: skip
def test_times_as_go_writes_them(text, year):
    assert (moment(text) and moment(text).year) == year


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "//x", "ftp://x/", "http://", "http://a\nb", 7, None, "http://[", "x" * 3000]
)
def test_what_is_no_web_address_is_no_link(address):
    assert link(address) == ""
    assert link(address, "https://ok.example/") == "https://ok.example/"


def test_labels_of_megabytes_and_a_thousand_of_them_are_cut(client):
    labels = {f"l{number}": "x" * 5_000 for number in range(1000)}
    send(client, payload({**alert(), "labels": {**labels, "alertname": "Big"}}, alert(fingerprint="g", instance="b")))
    assert take(Inbound.objects.get()) == 2
    assert max(len(json.dumps(row.labels)) for row in Incident.objects.all()) < 100_000


def test_a_long_condition_and_long_names_fit_their_columns(client):
    long = {"condition": "c" * 500, "instance": "i" * 900, "device": "d" * 900, "alertname": "n" * 900}
    first, second = alert(**long), alert(fingerprint="x", **{**long, "instance": "i" * 899 + "j"})
    send(client, payload(first, second))
    take(Inbound.objects.get())
    assert Incident.objects.count() == 2  # cut, and still told apart
    assert len(Incident.objects.first().object_key) <= 120


def test_a_thousand_alerts_are_taken_once_and_their_repeats_cost_little(client, django_assert_max_num_queries):
    many = payload(*(alert(fingerprint=f"f{number}", instance=f"i{number % 3}") for number in range(500)))
    send(client, many)
    assert goes(Inbound.objects.latest("pk")) == 10
    assert (Alert.objects.count(), Incident.objects.count()) == (500, 3)
    send(client, many)
    row = Inbound.objects.latest("pk")
    with django_assert_max_num_queries(40):
        take(row)
    assert Alert.objects.count() == 500


def test_an_end_that_overtook_its_beginning_waits_for_it(client):
    send(client, payload(alert()))
    send(client, payload(alert("resolved")))
    first, second = Inbound.objects.order_by("pk")
    assert take(second) == 0
    second.refresh_from_db()
    assert (second.processed_at, second.claimed_until, second.attempts) == (None, None, 0)
    take(first)
    assert take(second) == 1
    assert Incident.objects.get().closed_at


def test_an_end_whose_beginning_nobody_sent_is_no_trouble(client):
    send(client, payload(alert("resolved")))
    assert take(Inbound.objects.get()) == 1
    assert not Incident.objects.exists()


def test_two_workers_do_not_read_one_message_at_once(client):
    send(client, payload(alert()))
    row = Inbound.objects.get()
    from portal.lib import clock

    assert row.claim(clock.now())
    assert take(row) == 0
    assert not Alert.objects.exists()


def test_a_message_over_which_workers_die_is_given_up_and_says_so(client):
    from monitoring import inbound, inbound_queue
    from portal.lib import clock

    send(client, payload(alert()))
    Inbound.objects.update(attempts=5)
    assert not inbound_queue.is_late(clock.now())
    row = Inbound.objects.get()
    assert row.processed_at
    assert "Given up after 5 attempts" in row.error
    assert inbound.again(row)
    assert take(Inbound.objects.get()) == 1


def test_old_messages_are_forgotten_and_those_that_wait_are_not(client):
    from datetime import timedelta

    from monitoring import inbound
    from portal.lib import clock

    old = clock.now() - timedelta(days=15)
    Inbound.objects.create(source="grafana", body="{}", received_at=old, processed_at=old)
    Inbound.objects.create(source="grafana", body="{}", received_at=old)
    Inbound.objects.create(source="grafana", body="{}", processed_at=clock.now())
    assert inbound.prune(clock.now()) == 1
    assert Inbound.objects.count() == 2
