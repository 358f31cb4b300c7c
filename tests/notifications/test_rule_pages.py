"""The pages of routes, silences, maintenance windows and decisions, and the one to try."""

import datetime as dt

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from notifications import publish, silence_url
from notifications.models import Decision, Delivery, Maintenance, Route, Silence
from portal.lib import clock
from tests.notifications.conftest import opening
from tests.notifications.routing import channel, route
from tests.notifications.test_pages import page, text

FORM = {
    "name": "new", "enabled": "on", "matchers": 'severity="critical"', "grouping": "each", "group_by": "",
    "group_wait": "30", "group_interval": "300", "repeat_minutes": "0", "quiet_zone": "Europe/Berlin",
    "windows-TOTAL_FORMS": "0", "windows-INITIAL_FORMS": "0", "steps-TOTAL_FORMS": "0", "steps-INITIAL_FORMS": "0",
}  # fmt: skip
NIGHT = {
    "windows-TOTAL_FORMS": "1", "windows-0-days": ["0", "1", "2"], "windows-0-begins": "22:00",
    "windows-0-ends": "07:00",
}  # fmt: skip


@pytest.fixture
def as_role(client, db):
    def login(role):
        user = User.objects.create_user(role, password="x", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        return client

    return login


@pytest.fixture
def administrator(as_role):
    return as_role("administrator")


def add(client, **values):
    return client.post(reverse("admin:notifications_route_add"), {**FORM, **values})


def summary(client, pk=0, **values):
    return text(client.post(reverse("admin:notifications_route_summary", args=(pk,)), {**FORM, **values}))


# --- routes ----------------------------------------------------------------------------------------------------------
def test_a_route_is_added_before_the_default_one_with_its_parts(administrator):
    a, boss = channel("a"), channel("boss")
    steps = {"steps-TOTAL_FORMS": "1", "steps-0-after_minutes": "15", "steps-0-channels": [boss.pk]}
    assert add(administrator, channels=[a.pk], **NIGHT, **steps).status_code == 302
    made = Route.objects.get(name="new")
    assert made.windows.get().days == [0, 1, 2]
    assert list(made.steps.get().channels.all()) == [boss]
    assert [row.name for row in Route.objects.order_by("is_default", "position")] == ["new", "Everything else"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"matchers": 'severity=~"("'}, "is no regular expression"),
        ({"matchers": "severity"}, "compares nothing"),
        ({}, "Choose a channel"),
        ({"grouping": "labels", "every_channel": "on"}, "Name at least one label"),
        ({"quiet_zone": "Mars/Olympus", "every_channel": "on"}, "There is no time zone"),
        (
            {
                **NIGHT, "windows-0-days": [str(day) for day in range(7)], "windows-0-begins": "00:00",
                "windows-0-ends": "00:00", "every_channel": "on",
            },
            "leave no time at which the route speaks",
        ),
    ],
)  # fmt: skip
def test_nonsense_in_a_route_is_refused_with_a_sentence(administrator, values, sentence):
    response = add(administrator, **values)
    assert response.status_code == 200
    assert sentence in text(response)
    assert not Route.objects.filter(name="new").exists()


def test_the_editor_says_in_plain_words_what_is_typed(administrator):
    a = channel("a")
    said = summary(administrator, channels=[a.pk], repeat_minutes="30", **NIGHT)
    assert "When severity is “critical”, the message goes to a." in said
    assert "said again every 30 min" in said
    assert "keeps quiet Mon–Wed 22:00–07:00 (Europe/Berlin)" in said
    assert not Route.objects.filter(name="new").exists()


def test_the_editor_says_what_is_wrong_while_it_is_typed(administrator):
    assert "compares nothing" in summary(administrator, matchers="severity")


def test_the_editor_says_when_nothing_lately_would_have_matched(administrator):
    publish(opening(severity="warning"))
    assert "It matches 0 of the 1 messages" in summary(administrator, every_channel="on")


def test_the_list_names_routes_that_are_never_asked_and_channels_that_are_never_told(administrator):
    channel("forgotten")
    route("all", "", channel("a")), route("later", 'severity="info"', channel("b"))
    Route.objects.filter(is_default=True).update(enabled=False)
    shown = text(page(administrator, "route_changelist"))
    assert "“all” above takes every message" in shown
    assert "No route reaches these channels, so nobody is told there: forgotten." in shown
    assert "no route reaches it" in text(page(administrator, "alertchannel_changelist"))


def test_the_order_is_saved_as_it_was_dragged(administrator):
    first, second = route("first", "", channel("a")), route("second", "", channel("b"))
    rows = [first, second, Route.default()]
    form = {"form-TOTAL_FORMS": "3", "form-INITIAL_FORMS": "3", "_save": "Save"}
    for number, (row, position) in enumerate(zip(rows, (1, 0, 2), strict=True)):
        form |= {f"form-{number}-id": row.pk, f"form-{number}-position": position}
    page(administrator, "route_changelist")  # Unfold makes the order editable with the first look
    assert administrator.post(reverse("admin:notifications_route_changelist"), form).status_code == 302
    assert [row.name for row in Route.objects.order_by("is_default", "position")][:2] == ["second", "first"]


def test_the_default_route_cannot_be_deleted(administrator):
    url = reverse("admin:notifications_route_delete", args=(Route.default().pk,))
    assert administrator.post(url, {"post": "yes"}).status_code == 403


# --- try it ----------------------------------------------------------------------------------------------------------
def tried(client, **query):
    return text(client.get(reverse("admin:notifications_route_try"), {"severity": "critical", **query}))


def test_trying_tells_who_would_be_told_and_sends_nothing(administrator):
    route("web", 'name="web-1"', channel("a")), channel("rest")
    shown = tried(administrator, labels='name="web-1"')
    assert "Would be told: a." in shown
    assert "took it: this one takes only the rest" in shown
    assert not Delivery.objects.exists()
    assert not Decision.objects.exists()


def test_trying_at_another_time_meets_quiet_hours(administrator):
    nights = [(range(7), dt.time(22), dt.time(7))]
    route("web", "", channel("a"), windows=nights)
    assert "Would be told: a." in tried(administrator, at_0="2026-03-04", at_1="12:00")
    assert "later, if it still matters: a." in tried(administrator, at_0="2026-03-04", at_1="23:00")


def test_trying_with_a_message_that_there_was(administrator):
    route("web", 'server="web-1"', channel("a"))
    notification = publish(opening())
    assert "Would be told: a." in tried(administrator, message=notification.pk)


def test_trying_nonsense_says_so(administrator):
    assert "compares nothing" in tried(administrator, labels="web")
    assert "A label has one value" in tried(administrator, labels='name!="web"')


# --- silences --------------------------------------------------------------------------------------------------------
def test_an_operator_silences_a_server_from_a_link(as_role):
    client = as_role("operator")
    url = silence_url({"cluster": "demo", "vmid": "101"})
    assert "cluster=&quot;demo&quot;, vmid=&quot;101&quot;" in text(client.get(url))
    values = {"matchers": 'cluster="demo", vmid="101"', "period": "4", "reason": "new disk"}
    assert client.post(url, values).status_code == 302
    made = Silence.objects.get()
    assert made.created_by == "operator"
    assert dt.timedelta(hours=3.9) < made.ends_at - clock.now() < dt.timedelta(hours=4)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"matchers": 'severity=~".*"'}, "This means every message"),
        ({"matchers": 'owner!="x"'}, "This means every message"),
        ({"matchers": ""}, "This field is required"),
        ({"period": "until"}, "Say until when"),
        ({"period": "until", "ends_at_0": "2020-01-01", "ends_at_1": "12:00"}, "over before it begins"),
        ({"reason": ""}, "This field is required"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(administrator, values, sentence):
    form = {"matchers": 'vmid="101"', "period": "1", "reason": "x", **values}
    assert sentence in text(administrator.post(reverse("admin:notifications_silence_add"), form))
    assert not Silence.objects.exists()


def test_a_silence_is_ended_by_post_and_never_changed(as_role):
    client, moment = as_role("operator"), clock.now()
    row = Silence.objects.create(matchers="a=b", starts_at=moment, ends_at=moment + dt.timedelta(hours=1), reason="x")
    url = reverse("admin:notifications_silence_change", args=(row.pk,))
    assert client.post(url, {"matchers": "b=c"}).status_code == 403
    ending = reverse("admin:notifications_silence_end", args=(row.pk,))
    client.get(ending)
    assert Silence.objects.get().state(clock.now()) == "active"
    client.post(ending)
    assert Silence.objects.get().state(clock.now()) == "over"


def test_an_operator_edits_no_route_and_a_viewer_silences_nothing(as_role):
    client = as_role("operator")
    assert add(client, every_channel="on").status_code == 403
    assert page(client, "route_changelist").status_code == 200
    client.logout()
    viewer = as_role("viewer")
    assert viewer.get(reverse("admin:notifications_silence_add")).status_code == 403
    assert page(viewer, "route_try").status_code == 200


# --- maintenance and decisions ---------------------------------------------------------------------------------------
def test_a_weekly_window_is_added(administrator):
    values = {
        "name": "patching", "enabled": "on", "matchers": 'cluster="demo"', "recurrence": "weekly", "days": ["1", "3"],
        "begins": "02:00", "minutes": "180", "zone": "Asia/Seoul",
    }  # fmt: skip
    assert administrator.post(reverse("admin:notifications_maintenance_add"), values).status_code == 302
    assert Maintenance.objects.get().days == [1, 3]
    assert "Tue, Thu 02:00 (Asia/Seoul), 180 min" in text(page(administrator, "maintenance_changelist"))


def test_a_window_without_its_times_is_refused(administrator):
    values = {"name": "x", "matchers": "a=b", "minutes": "60", "zone": "UTC"}
    url = reverse("admin:notifications_maintenance_add")
    assert "Choose at least one day" in text(administrator.post(url, {**values, "recurrence": "weekly"}))
    assert "Say when it begins" in text(administrator.post(url, {**values, "recurrence": "once"}))


def test_the_decisions_about_a_message_are_on_its_page_and_in_the_list(administrator):
    route("other", 'cluster="x"', channel("a"))
    notification = publish(opening())
    shown = text(page(administrator, "notification_change", notification.pk))
    assert "Why it was told, or not" in shown
    assert "This does not hold: cluster=&quot;x&quot;" in shown
    assert "did not match" in text(page(administrator, "decision_changelist"))


@pytest.mark.parametrize("name", ["route", "silence", "maintenance", "decision"])
def test_a_list_of_rules_costs_the_same_for_three_rows_and_for_thirty(administrator, name):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def rows(begin, end):
        a, moment = channel(f"c{begin}"), clock.now()
        for number in range(begin, end):
            route(f"r{number}", f'n="{number}"', a, steps=[(5, [a])])
            publish(opening(id=f"i{number}"))
            Maintenance.objects.create(name=f"m{number}", matchers="a=b", days=[1])
            Silence.objects.create(matchers="a=b", starts_at=moment, ends_at=moment + dt.timedelta(hours=1))

    def cost():
        page(administrator, f"{name}_changelist")
        with CaptureQueriesContext(connection) as found:
            assert page(administrator, f"{name}_changelist").status_code == 200
        return len(found)

    rows(0, 3)
    few = cost()
    rows(3, 30)
    assert cost() <= few
