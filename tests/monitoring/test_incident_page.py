"""An incident's page: what, since when, why, who was told, what changed before, and what can be done now."""

from datetime import timedelta

import pytest
import time_machine
import yaml
from auditlog.models import LogEntry
from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from monitoring import caring, runbooks, shipped
from monitoring.conditions import Finding
from monitoring.incidents import raise_alert, resolve_alert
from monitoring.models import Alert, Incident
from monitoring.things import labels_of
from notifications.models import AlertChannel, Decision, Silence
from portal.lib import clock
from servers.models import Operation
from tests.support import seed

pytestmark = pytest.mark.django_db
NAME = "데이터베이스-a-very-long-name-that-somebody-chose-without-a-thought-for-narrow-screens.example.internal"


@pytest.fixture
def server():
    cluster = seed.make_cluster("seoul")
    return seed.make_server(cluster, seed.make_node(cluster, "pve1"), name=NAME, vmid=300)


def fall(thing, *, source="portal", fingerprint="", since=None, severity="critical", condition="guest_down", **labels):
    """That server is down, as a source says. Returns the incident."""
    finding = Finding(
        condition=condition, object_key=f"server:{thing.pk}", severity=severity, title=f"{thing} is down",
        text="It fell.", since=since or clock.now(), server=thing, node=thing.node, cluster=thing.cluster,
        labels={**labels_of(thing), **labels},
    )  # fmt: skip
    raise_alert(finding, source=source, fingerprint=fingerprint)
    return Incident.objects.get(closed_at=None, server=thing)


def page(incident, role="operator", **query):
    return seed.browser(role).get(f"/admin/monitoring/incident/{incident.pk}/change/", query).content.decode()


def hook(name="Duty phone"):
    channel = AlertChannel(kind="webhook", name=name)
    channel.keep({"url": "https://example.org/hook"})
    channel.save()
    return channel


def test_the_page_offers_what_can_be_done_and_only_to_whom_it_is_for(server):
    incident = fall(server)
    for_operator, for_viewer = page(incident), page(incident, "viewer")
    for words in ("/acknowledge/", "/snooze/", "period=4", "Silence this incident"):
        assert words in for_operator
        assert words not in for_viewer


def test_the_timeline_has_every_kind_of_event_in_order(server):
    hook()
    incident = fall(server)
    fall(server, source="alertmanager", fingerprint="abc")
    Operation.objects.create(cluster=server.cluster, server=server, action="start", requester="marco")
    caring.acknowledge(incident, seed.make_user("operator", name="jihye"))
    for alert in Alert.objects.all():
        resolve_alert(alert, clock.now())
    text = page(incident)
    story = text[text.index("pi-story") :]
    places = [story.index(words) for words in ("It began", "Alertmanager", "marco", "jihye", "the source says that it")]
    assert places == sorted(places)
    assert "Message to Duty phone" in story


def test_coming_back_and_getting_worse_are_kept(server):
    fall(server, severity="warning")
    fall(server, source="alertmanager", fingerprint="a")
    for alert in Alert.objects.all():
        resolve_alert(alert, clock.now())
    incident = fall(server, source="alertmanager", fingerprint="b", since=clock.now() + timedelta(seconds=1))
    assert [step.kind for step in incident.steps.all()] == ["worse", "closed", "reopened"]
    assert "came back" in page(incident)


def test_what_changed_before_is_told_with_actor_and_both_values(server):
    moment = clock.now()
    with time_machine.travel(moment - timedelta(minutes=10), tick=False):
        seed.make_change(server.cluster, server, old="running", new="paused")
        seed.make_change(server.cluster, seed.make_server(server.cluster, server.node), old="paused", new="running")
        LogEntry.objects.log_create(
            server, action=1, changes={"owner": ["sales", "platform"]}, actor=seed.make_user("operator", name="marco")
        )
    text = page(fall(server, since=moment))
    before = text[text.index("What changed in the half hour") : text.index("Who was told")]
    for words in ("running → paused", "owner: sales → platform", "marco"):
        assert words in before
    assert "paused → running" not in before  # a neighbour's


def test_what_changed_before_is_told_in_the_readers_language(server):
    moment = clock.now()
    seed.make_change(server.cluster, server, old="running", new="paused", at=moment - timedelta(minutes=1))
    incident = fall(server, since=moment)
    address = f"/admin/monitoring/incident/{incident.pk}/change/"
    text = seed.browser("operator").get(address, headers={"accept-language": "ko"}).content.decode()
    assert "상태: 실행 중 → 일시 중지됨" in text


def test_what_was_edited_before_is_told_in_the_readers_language(server):
    with time_machine.travel(clock.now() - timedelta(minutes=10), tick=False):
        LogEntry.objects.log_create(server, action=1, changes={"expected_state": ["running", "stopped"]})
    address = f"/admin/monitoring/incident/{fall(server).pk}/change/"
    text = seed.browser("operator").get(address, headers={"accept-language": "ko"}).content.decode()
    assert "기대 상태: 실행 중 → 중지됨" in text


def test_what_changed_earlier_or_afterwards_is_not_the_cause(server):
    moment = clock.now()
    for minutes in (-31, 5):
        seed.make_change(server.cluster, server, old=f"old{minutes}", at=moment + timedelta(minutes=minutes))
    text = page(fall(server, since=moment))
    assert "old-31" not in text
    assert "old5" not in text
    assert "Nothing that the portal knows of changed" in text


def test_a_nodes_incident_lists_what_changed_on_it(server):
    from monitoring.story import changes
    from monitoring.story.scope import Scope

    seed.make_change(server.cluster, server, at=clock.now() - timedelta(minutes=1))
    incident = Incident.objects.create(
        condition="node_offline", object_key="node:1", cluster=server.cluster, node=server.node, title="x",
        severity="critical",
    )  # fmt: skip
    found = changes.before(incident, seed.make_user("operator"), Scope.of(incident))
    assert [entry.detail for entry in found] == ["status: stopped → running"]


def test_similar_ones_tell_how_they_ended(server):
    with time_machine.travel(clock.now() - timedelta(days=2), tick=False):
        first = fall(server)
        other = fall(seed.make_server(server.cluster, server.node, name="neighbour"))
        Incident.objects.filter(pk=first.pk).update(
            closed_at=clock.now() + timedelta(hours=3), ending="It was the fuse."
        )
        Incident.objects.filter(pk=other.pk).update(closed_at=clock.now(), ending="Somebody tripped.")
    text = page(fall(server))
    similar = text[text.index("Similar ones before") :]
    assert similar.index("It was the fuse.") < similar.index("Somebody tripped.")
    assert "3 h" in similar
    assert "1 time in 30 days" in similar


def test_a_silence_is_a_fact_beside_the_state(server):
    incident = fall(server)
    Silence.objects.create(
        matchers=f'incident="{incident.message_id}"',
        reason="새 디스크",
        starts_at=clock.now(),
        ends_at=clock.now() + timedelta(hours=1),
    )
    text = page(incident)
    assert "silenced until" in text
    assert "새 디스크" in text
    listed = seed.browser("operator").get("/admin/monitoring/incident/", {"state": "suppressed"}).content.decode()
    assert incident.title in listed


def test_snoozing_asks_for_how_long_and_acts_once(server):
    hook()
    incident = fall(server)
    address = f"/admin/monitoring/incident/{incident.pk}/snooze/"
    operator = seed.browser("operator")
    assert "Until tomorrow, 8:00" in operator.get(address).content.decode()
    assert "Choose one" in operator.post(address, {"choice": "99"}, follow=True).content.decode()
    operator.post(address, {"choice": "30"})
    incident.refresh_from_db()
    assert timedelta(minutes=29) < incident.snoozed_until - clock.now() <= timedelta(minutes=30)
    assert "snoozed until" in page(incident)
    assert seed.browser("viewer").post(address, {"choice": "30"}).status_code == 302
    assert incident.steps.count() == 1


def test_tomorrow_at_eight_is_eight_in_the_readers_zone(server):
    from django.utils import timezone

    with timezone.override("Asia/Seoul"), time_machine.travel("2026-03-01T16:30:00Z", tick=False):
        assert caring.end_of("tomorrow").isoformat() == "2026-03-03T08:00:00+09:00"


def test_whoever_follows_a_message_comes_here_after_logging_in(server, client):
    incident = fall(server)
    address = f"/admin/monitoring/incident/{incident.pk}/change/"
    person = seed.make_user("operator", name="jihye")
    to_login = client.get(address)
    assert to_login.url == f"/admin/login/?next={address}"
    form = {"username": person.username, "password": "pass", "next": address}
    assert client.post(to_login.url, form).url == address


def test_the_runbook_of_the_rule_that_fired_is_linked(server):
    incident = fall(server, source="alertmanager", fingerprint="a", alertname="HighCPUUsage")
    assert "/runbooks/HighCPUUsage/" in page(incident)


def test_every_condition_of_a_shipped_rule_finds_its_runbook():
    assert shipped.rules_of("cpu_high") == ["HighCPUUsage"]
    assert set(shipped.rules_of("guest_down")) <= set(runbooks.names())


def test_every_condition_of_a_shipped_rule_has_words_for_people():
    text = (settings.BASE_DIR / "deploy" / "prometheus" / "alert_rules.yml").read_text()
    names = {rule["labels"]["condition"] for rule in yaml.safe_load(text)["groups"][0]["rules"]} - {"canary"}
    assert len(names) > 15
    assert [name for name in names if Incident(condition=name).get_condition() == name] == []


def test_its_panels_show_the_half_hours_around_its_beginning(server):
    begin = clock.now() - timedelta(hours=5)
    text = page(fall(server, since=begin))
    ends = [int((begin + timedelta(minutes=minutes)).timestamp() * 1000) for minutes in (-30, 30)]
    assert f'data-from="{ends[0] // 1000 * 1000}" data-to="{ends[1] // 1000 * 1000}"' in text


def test_an_incident_about_nothing_known_has_a_page_all_the_same():
    incident = Incident.objects.create(condition="x", object_key="labels:y", title="<b>odd</b>", severity="info")
    text = page(incident)
    assert "Nobody has been told of it" in text
    assert "<b>odd</b>" not in text


def many_alerts(server, number):
    incident = fall(server)
    Alert.objects.bulk_create([
        Alert(source="alertmanager", fingerprint=f"f{place}", starts_at=clock.now() + timedelta(seconds=place),
              severity="warning", title=f"alert {place}", incident=incident)
        for place in range(number)
    ])  # fmt: skip
    return incident


def test_two_hundred_alerts_are_cut_in_the_middle_and_shown_whole_on_demand(server):
    incident = many_alerts(server, 200)
    text = page(incident)
    assert "82 entries between are left out" in text
    assert "alert 100" not in text
    assert "alert 100" in page(incident, whole=1)


def test_the_page_asks_the_database_as_often_for_two_hundred_alerts_as_for_two(server):
    other = seed.make_server(server.cluster, server.node)
    few, many = many_alerts(other, 2), many_alerts(server, 200)
    browser = seed.browser("operator")
    numbers = []
    for incident in (few, few, many):
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"/admin/monitoring/incident/{incident.pk}/change/")
        numbers.append(len(queries))
    assert numbers[1] == numbers[2]
    assert numbers[2] <= 45


def test_what_is_counted_as_suppressed_agrees_with_the_decisions(server, scrape):
    hook()
    AlertChannel.objects.create(kind="webhook", name="Off", enabled=False)
    Silence.objects.create(
        matchers='vmid="300"', reason="work", starts_at=clock.now(), ends_at=clock.now() + timedelta(hours=1)
    )
    caring.acknowledge(fall(server), seed.make_user("operator"))
    caring.snooze(fall(seed.make_server(server.cluster, server.node)), clock.now(), seed.make_user("operator"))
    kept = dict(Decision.objects.values_list("reason").annotate(Count("pk")))
    told = {dict(labels)["reason"]: value for labels, value in scrape().all("notification_suppressed_total").items()}
    assert (told["silenced"], told["snoozed"]) == (1, 1)
    assert told == {reason: kept.get(reason, 0) for reason in told}


def test_what_a_channel_waits_for_is_said_of_it_until_it_arrives(server):
    incident = fall(server)
    told = {"incident": incident.message_id, "route_name": "all", "channel_name": "Duty phone"}
    until = clock.now() + timedelta(hours=1)
    Decision.objects.create(reason="retried", until=until, detail={"sentence": "Nobody answers."}, **told)
    assert "Duty phone: Nobody answers." in page(incident)
    Decision.objects.create(reason="delivered", **told)
    assert "Duty phone: Nobody answers." not in page(incident)
