"""The pages of channels, messages and deliveries."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from notifications import figures, publish
from notifications.models import AlertChannel, Delivery
from tests.notifications.conftest import make, only, opening, work

LIST = "admin:notifications_alertchannel_changelist"


@pytest.fixture
def admin_client(client, db):
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


@pytest.fixture
def viewer_client(client, db):
    user = User.objects.create_user("eye", password="x", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="notifications", codename__startswith="view_")
    )
    client.force_login(user)
    return client


def page(client, name, *args, **query):
    return client.get(reverse(f"admin:notifications_{name}", args=args), query)


def add(client, kind, **values):
    url = reverse("admin:notifications_alertchannel_add") + f"?kind={kind}"
    return client.post(url, {"name": "new", "enabled": "on", "minimum_severity": "info", **values})


def text(response):
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_kind_is_chosen_first(admin_client):
    shown = text(page(admin_client, "alertchannel_add"))
    for kind, label in (("email", "E-mail"), ("slack", "Slack"), ("webhook", "Webhook")):
        assert f"?kind={kind}" in shown
        assert label in shown
    assert "PORTAL_SMTP_HOST" in shown  # no mail server is configured


@pytest.mark.parametrize(
    ("kind", "values", "public"),
    [
        ("webhook", {"config_url": "https://8.8.8.8/SECRET"}, {}),
        ("slack", {"config_url": "https://8.8.8.8/SECRET"}, {}),
        (
            "email",
            {"config_addresses": "a@example.org, b@example.org"},
            {"addresses": ["a@example.org", "b@example.org"]},
        ),
    ],
)
def test_a_channel_is_added_from_what_its_kind_asks_for(admin_client, settings, kind, values, public):
    settings.EMAIL_HOST = "mail.example.org"
    assert add(admin_client, kind, **values).status_code == 302
    channel = AlertChannel.objects.get()
    assert (channel.kind, channel.config) == (kind, public)
    assert "SECRET" not in str(AlertChannel.objects.extra(select={"raw": "secrets"}).values("raw", "config"))


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        ("webhook", {"config_url": ""}, "This is needed."),
        ("webhook", {"config_url": "hooks.example.org"}, "This is no address"),
        ("webhook", {"config_url": "ftp://example.org/"}, "This is no address"),
        ("webhook", {"config_url": "https://example.org:99999/"}, "This is no address"),
        ("webhook", {"config_url": "https://user:pw@example.org/"}, "Leave user name and password out"),
        ("webhook", {"config_url": "http://10.0.0.1/SECRET"}, "PORTAL_ALLOWED_INTERNAL=10.0.0.1"),
        ("webhook", {"config_url": "http://169.254.169.254/latest"}, "is internal"),
        ("webhook", {"config_url": "http://2852039166/"}, "is internal"),
        ("webhook", {"config_url": "http://0xa000001/"}, "is internal"),
        ("webhook", {"config_url": "http://[::ffff:10.0.0.1]/"}, "is internal"),
        ("webhook", {"config_url": "http://999.1.1.1/"}, "is no address"),
        ("slack", {"config_url": "https://[fd00::1]/"}, "is internal"),
        ("email", {"config_addresses": "nobody"}, "nobody is no e-mail address"),
        ("email", {"config_addresses": ""}, "This is needed."),
    ],
)
def test_nonsense_is_refused_with_a_sentence(admin_client, settings, kind, values, sentence):
    settings.EMAIL_HOST = "mail.example.org"
    response = add(admin_client, kind, **values)
    assert sentence in text(response)
    assert "SECRET" not in text(response)
    assert not AlertChannel.objects.exists()


def test_an_email_channel_without_a_mail_server_can_only_be_saved_disabled(admin_client):
    assert "set PORTAL_SMTP_HOST" in text(add(admin_client, "email", config_addresses="a@example.org"))
    assert add(admin_client, "email", config_addresses="a@example.org", enabled="").status_code == 302


def change(client, channel, **values):
    url = reverse("admin:notifications_alertchannel_change", args=(channel.pk,))
    return client.post(url, {"name": channel.name, "enabled": "on", "minimum_severity": "info", **values})


def test_a_secret_that_is_left_empty_stays(admin_client, webhook):
    before = webhook.kept_secrets()
    assert change(admin_client, webhook, name="renamed").status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.kept_secrets()) == ("renamed", before)


def test_a_secret_can_be_replaced_and_an_optional_one_removed(admin_client, db):
    channel = make("webhook", url="https://8.8.8.8/old", signing_secret="s")
    change(admin_client, channel, config_url="https://8.8.8.8/new", forget_signing_secret="on")
    assert AlertChannel.objects.get().kept_secrets() == {"url": "https://8.8.8.8/new"}


def test_saving_leaves_the_senders_columns_alone(admin_client, webhook):
    AlertChannel.objects.update(last_error="trouble")
    change(admin_client, webhook, name="renamed")
    assert AlertChannel.objects.get().last_error == "trouble"


def test_enabling_a_channel_again_forgets_why_it_was_disabled(admin_client, webhook, receiver):
    receiver.answers = [410]
    publish(opening())
    work()
    assert "disabled by the portal" in text(page(admin_client, "alertchannel_changelist"))
    change(admin_client, webhook)
    webhook.refresh_from_db()
    assert (webhook.enabled, webhook.disabled_reason, webhook.disabled_at) == (True, "", None)


def test_a_changed_secret_is_audited_without_its_text(admin_client, webhook):
    from auditlog.models import LogEntry

    change(admin_client, webhook, config_url="https://8.8.8.8/NEW-SECRET")
    changes = LogEntry.objects.get_for_object(webhook).order_by("-id").first().changes
    assert "secrets" in changes
    assert "SECRET" not in str(changes)


def test_no_page_ever_shows_a_secret(admin_client, receiver):
    channel = make("webhook", url=f"{receiver.url}/SECRET", signing_secret="SECRET2", authorization="Bearer SECRET3")
    receiver.answers = [(404, {}, "SECRET4")]
    notification = publish(opening())
    work()
    pages = [
        page(admin_client, "alertchannel_changelist"),
        page(admin_client, "alertchannel_change", channel.pk),
        page(admin_client, "alertchannel_history", channel.pk),
        page(admin_client, "delivery_changelist"),
        page(admin_client, "delivery_change", only().pk),
        page(admin_client, "notification_changelist"),
        page(admin_client, "notification_change", notification.pk),
        change(admin_client, channel, name=""),
    ]
    assert [response.status_code for response in pages] == [200] * 8
    assert "SECRET" not in "".join(text(response) for response in pages)
    assert "127.0.0.1" in text(pages[0])


# --- tests before and after saving


def draft_test(client, kind, pk=0, **values):
    url = reverse("admin:notifications_alertchannel_test_draft", args=(kind, pk))
    return client.post(url, {"name": "new", "enabled": "on", "minimum_severity": "info", **values})


def test_a_test_before_saving_travels_the_real_path(admin_client, receiver):
    response = draft_test(admin_client, "webhook", config_url=f"{receiver.url}/typed-SECRET")
    assert response.url == reverse("admin:notifications_delivery_change", args=(only().pk,))
    assert "typed-SECRET" not in str(Delivery.objects.extra(select={"raw": "draft"}).values("raw"))
    work()
    assert receiver.requests[0].path == "/typed-SECRET"
    assert receiver.bodies[0]["status"] == "test"
    assert (only().state, only().draft, only().channel) == ("delivered", "", None)
    assert not AlertChannel.objects.exists()


def test_a_test_of_a_changed_form_uses_what_is_typed_and_what_is_kept(admin_client, receiver):
    channel = make("webhook", url=f"{receiver.url}/kept", signing_secret="s")
    draft_test(admin_client, "webhook", channel.pk, config_url=f"{receiver.url}/typed")
    draft_test(admin_client, "webhook", channel.pk)
    work()
    assert [request.path for request in receiver.requests] == ["/typed", "/kept"]
    assert all("X-Portal-Signature" in request.headers for request in receiver.requests)
    channel.refresh_from_db()
    assert channel.last_success_at is None  # what was tested is not what is saved


def test_a_test_that_fails_is_not_repeated_and_harms_no_channel(admin_client, webhook, receiver):
    receiver.answers = [500, 410]
    draft_test(admin_client, "webhook", webhook.pk)
    work(), draft_test(admin_client, "webhook", webhook.pk), work()
    assert list(Delivery.objects.values_list("state", flat=True)) == ["dead", "dead"]
    webhook.refresh_from_db()
    assert webhook.enabled


def test_a_test_of_nonsense_says_what_is_wrong(admin_client):
    response = draft_test(admin_client, "webhook", config_url="http://10.0.0.1/SECRET")
    assert response.status_code == 400
    assert "10.0.0.1 is internal" in text(response)
    assert "SECRET" not in text(response)
    assert not Delivery.objects.exists()


def test_looking_at_the_test_page_sends_nothing(admin_client, webhook):
    url = reverse("admin:notifications_alertchannel_send_test", args=(webhook.pk,))
    assert "Send a test message" in text(admin_client.get(url))
    assert not Delivery.objects.exists()
    draft_url = reverse("admin:notifications_alertchannel_test_draft", args=("webhook", webhook.pk))
    assert admin_client.get(draft_url).status_code == 405


def test_a_test_after_saving_shows_its_result_on_the_delivery(admin_client, webhook, receiver):
    response = admin_client.post(reverse("admin:notifications_alertchannel_send_test", args=(webhook.pk,)))
    waiting = admin_client.get(response.url)
    assert waiting.headers["Refresh"] == "2"
    work()
    done = admin_client.get(response.url)
    assert "Refresh" not in done.headers
    assert "delivered" in text(done)
    webhook.refresh_from_db()
    assert webhook.last_success_at


def test_a_disabled_channel_can_be_tested(admin_client, webhook, receiver):
    AlertChannel.objects.update(enabled=False)
    admin_client.post(reverse("admin:notifications_alertchannel_send_test", args=(webhook.pk,)))
    work()
    assert only().state == "delivered"


# --- deliveries


def dead(receiver):
    receiver.answers = [400]
    publish(opening())
    work()
    return only()


def test_a_dead_letter_is_sent_again_by_post_only(admin_client, webhook, receiver):
    url = reverse("admin:notifications_delivery_resend", args=(dead(receiver).pk,))
    assert "Send “web-1 is down” to “webhook” again?" in text(admin_client.get(url))
    assert only().state == "dead"
    admin_client.post(url)
    work()
    assert only().state == "delivered"


def test_a_dead_letter_is_dismissed_and_the_deed_audited(admin_client, webhook, receiver):
    from auditlog.models import LogEntry

    admin_client.post(reverse("admin:notifications_delivery_dismiss", args=(dead(receiver).pk,)))
    assert only().state == "dismissed"
    entry = LogEntry.objects.get_for_object(only()).get()
    assert (entry.changes["state"], entry.actor.username) == (["dead", "dismissed"], "root")


def test_many_are_sent_again_after_a_question(admin_client, webhook, receiver):
    delivery = dead(receiver)
    publish(opening(id="incident-8"))
    work()
    everything = list(Delivery.objects.values_list("pk", flat=True))
    url = reverse("admin:notifications_delivery_changelist")
    asked = admin_client.post(url, {"action": "resend_selected", "_selected_action": everything})
    assert "1 other selected delivery is passed over" in text(asked)
    assert Delivery.objects.get(pk=delivery.pk).state == "dead"
    post = {"action": "resend_selected", "_selected_action": [delivery.pk], "confirmed": "yes"}
    assert "1 delivery: done." in text(admin_client.post(url, post, follow=True))
    assert Delivery.objects.get(pk=delivery.pk).state == "queued"


def test_who_may_only_look_can_do_nothing(viewer_client, webhook, receiver):
    delivery = dead(receiver)
    for name in ("delivery_resend", "delivery_dismiss"):
        viewer_client.post(reverse(f"admin:notifications_{name}", args=(delivery.pk,)))
    viewer_client.post(reverse("admin:notifications_alertchannel_send_test", args=(webhook.pk,)))
    assert draft_test(viewer_client, "webhook", webhook.pk).status_code == 403
    assert draft_test(viewer_client, "webhook", config_url="https://8.8.8.8/").status_code == 403
    assert add(viewer_client, "webhook", config_url="https://8.8.8.8/").status_code == 403
    change(viewer_client, webhook, name="mine now")
    assert (only().state, AlertChannel.objects.get().name) == ("dead", "webhook")


def test_who_may_look_sees_every_page(viewer_client, webhook, receiver):
    notification = publish(opening())
    work()
    for name, *args in (
        ("alertchannel_changelist",),
        ("alertchannel_change", webhook.pk),
        ("delivery_changelist",),
        ("delivery_change", only().pk),
        ("notification_change", notification.pk),
    ):
        assert page(viewer_client, name, *args).status_code == 200


def test_nobody_else_sees_anything(client, webhook):
    assert page(client, "alertchannel_changelist").status_code == 302
    client.force_login(User.objects.create_user("staff", password="x", is_staff=True))
    assert page(client, "alertchannel_changelist").status_code == 403


@pytest.mark.parametrize("name", ["delivery_changelist", "notification_changelist", "alertchannel_changelist"])
def test_a_list_costs_the_same_for_three_rows_and_for_thirty(admin_client, webhook, name):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    page(admin_client, name)
    costs = []
    for start, end in ((0, 3), (3, 30)):
        for number in range(start, end):
            make("webhook", f"channel {number}", url="https://8.8.8.8/")
            publish(opening(id=f"incident-{number}"), channels=[webhook])
        with CaptureQueriesContext(connection) as queries:
            assert page(admin_client, name).status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_the_failed_test_of_an_unsaved_form_is_nobodys_work(admin_client, webhook, receiver):
    receiver.answers = [404, 404]
    draft_test(admin_client, "webhook", config_url=receiver.url)
    work()
    assert only().state == "dead"
    assert figures().queue["dead"] == 0
    address = reverse("admin:notifications_delivery_dismiss", args=(only().pk,))
    assert "it cannot be sent again later" in text(admin_client.get(address))


def test_the_next_attempt_is_told_as_the_other_times_are(admin_client, webhook, receiver):
    receiver.answers = [503]
    publish(opening())
    work()
    shown = text(page(admin_client, "delivery_change", only().pk))
    assert "in 8 s" in shown or "in 9 s" in shown or "in 1" in shown
