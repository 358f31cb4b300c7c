"""What can be done from a shell."""

import pytest
from django.core.management import CommandError, call_command

from notifications.models import AlertChannel
from tests.notifications.conftest import only


def run(capsys, *words):
    call_command(*words)
    return capsys.readouterr().out.strip()


def test_send_test_sends_through_the_real_path_and_waits(webhook, receiver, capsys):
    assert run(capsys, "send_test", "Webhook").startswith("Delivered through “webhook” in")
    assert receiver.bodies[0]["status"] == "test"
    assert only().deliveryattempt_set.count() == 1


def test_send_test_fails_with_the_sentence(webhook, receiver):
    receiver.answers = [404]
    with pytest.raises(CommandError, match="127.0.0.1:[0-9]+ has nothing at this address"):
        call_command("send_test", "webhook")


def test_send_test_of_a_channel_that_is_none_names_those_that_are(webhook):
    with pytest.raises(CommandError, match="There is no alert channel “mail” .webhook."):
        call_command("send_test", "mail")


def test_the_environment_makes_a_webhook_channel_once(db, settings, capsys):
    settings.PORTAL_WEBHOOK_URL = "https://8.8.8.8/SECRET"
    assert "was made" in run(capsys, "ensure_channels")
    assert "up to date" in run(capsys, "ensure_channels")
    assert AlertChannel.objects.get().settings() == {"url": "https://8.8.8.8/SECRET"}


def test_the_channel_follows_the_variable(db, settings, capsys):
    settings.PORTAL_WEBHOOK_URL = "https://8.8.8.8/one"
    call_command("ensure_channels")
    AlertChannel.objects.update(name="renamed", enabled=False)
    settings.PORTAL_WEBHOOK_URL = "https://8.8.8.8/two"
    assert "follows" in run(capsys, "ensure_channels")
    channel = AlertChannel.objects.get()
    assert (channel.settings()["url"], channel.name, channel.enabled) == ("https://8.8.8.8/two", "renamed", False)


def test_a_channel_that_was_edited_by_hand_is_left_alone(admin_client, db, settings, capsys):
    from django.urls import reverse

    settings.PORTAL_WEBHOOK_URL = "https://8.8.8.8/one"
    call_command("ensure_channels")
    url = reverse("admin:notifications_alertchannel_change", args=(AlertChannel.objects.get().pk,))
    admin_client.post(url, {"name": "mine", "minimum_severity": "info", "config_url": "https://8.8.8.8/mine"})
    settings.PORTAL_WEBHOOK_URL = "https://8.8.8.8/two"
    assert "edited by hand" in run(capsys, "ensure_channels")
    assert AlertChannel.objects.get().settings()["url"] == "https://8.8.8.8/mine"


def test_without_the_variable_nothing_is_made(db, settings, capsys):
    settings.PORTAL_WEBHOOK_URL = ""
    assert "not set" in run(capsys, "ensure_channels")
    assert not AlertChannel.objects.exists()


@pytest.mark.parametrize("url", ["nonsense", "http://10.0.0.1/SECRET"])
def test_a_variable_that_holds_no_usable_address_is_refused_by_name(db, settings, url):
    settings.PORTAL_WEBHOOK_URL = url
    with pytest.raises(CommandError, match="WEBHOOK_URL") as refusal:
        call_command("ensure_channels")
    assert "SECRET" not in str(refusal.value)
