"""The webhook's own headers and template: what is sent, what is shown before, and what happens when it fails."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from notifications import publish
from notifications.channels.fields import HeadersField, TemplateField
from notifications.channels.templating import TemplateFailed, rendered
from notifications.models import AlertChannel
from tests.notifications.conftest import make, only, opening, work

TEMPLATE = """{"text": {{ title|json }}, "where": {{ labels.cluster|json }},
"bad": {% if status == "firing" %}true{% else %}false{% endif %}}"""


def test_headers_and_template_make_the_request(db, receiver):
    make("webhook", url=receiver.url, template=TEMPLATE, headers="X-Team: ops\ncontent-type: application/vnd.x+json")
    publish(opening(title='say "hi" <b>'))
    work()
    (request,) = receiver.requests
    assert json.loads(request.body) == {"text": 'say "hi" <b>', "where": "demo", "bad": True}
    assert (request.headers["X-Team"], request.headers["Content-Type"]) == ("ops", "application/vnd.x+json")


@pytest.mark.parametrize(
    "template", ['{"text": "{{ title }}"', '{"text": {{ title|floatformat:"x"|json', "{{ text|json }} x"]
)
def test_a_template_that_fails_is_said_on_the_channel_and_the_usual_message_goes_out(db, receiver, template):
    channel = make("webhook", url=receiver.url, template=template)
    publish(opening())
    work()
    channel.refresh_from_db()
    assert receiver.bodies[0]["title"] == "web-1 is down"
    assert only().state == "delivered"
    assert "The template" in channel.last_error


@pytest.mark.parametrize("text", ["{% include 'admin/base.html' %}", "{% load i18n %}{% get_current_language as x %}"])
def test_a_template_reaches_nothing_but_the_message(text):
    with pytest.raises(TemplateFailed):
        rendered(text, {}, as_json=False)


def test_settings_and_classes_are_out_of_a_templates_reach():
    assert rendered("{{ settings.SECRET_KEY }}{{ request }}{{ title.mro }}", {"title": "x"}, as_json=False) == ""
    with pytest.raises(TemplateFailed):
        rendered("{{ title.__class__ }}", {"title": "x"}, as_json=False)


def test_what_grows_without_end_is_stopped():
    with pytest.raises(TemplateFailed, match="more than"):
        rendered(
            "{% for a in text %}{% for b in text %}{{ text }}{% endfor %}{% endfor %}",
            {"text": "x" * 99},
            as_json=False,
        )


def test_a_template_that_is_not_well_formed_is_refused_in_the_form():
    with pytest.raises(ValidationError, match="not well formed"):
        TemplateField("template", "").clean("{% if %}")


@pytest.mark.parametrize("line", ["no colon", "Host: evil", "Content-Length: 3", "X Y: z", "X: ü"])
def test_headers_that_are_none_or_ours_are_refused_without_repeating_a_secret(line):
    with pytest.raises(ValidationError) as told:
        HeadersField("headers", "").clean(line)
    assert "evil" not in str(told.value)


def typed(**changes):
    return {
        "name": "hook",
        "minimum_severity": "info",
        "config_url": "https://hooks.example.org/SECRET",
        "config_template": TEMPLATE,
        **changes,
    }


def test_the_preview_shows_both_messages_and_sends_nothing(admin_client, receiver):
    page = admin_client.post(reverse("admin:notifications_alertchannel_preview_draft", args=("webhook", 0)), typed())
    assert page.status_code == 200
    assert "&quot;bad&quot;: true" in page.content.decode()
    assert "&quot;bad&quot;: false" in page.content.decode()
    assert "SECRET" not in page.content.decode()
    assert not AlertChannel.objects.exists()


def test_the_preview_of_a_bad_template_says_why(admin_client):
    url = reverse("admin:notifications_alertchannel_preview_draft", args=("webhook", 0))
    page = admin_client.post(url, typed(config_template='{"a": {{ title }}}'))
    assert "no valid JSON" in page.content.decode()


def test_a_viewer_gets_no_preview(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("v", is_staff=True))
    assert (
        client.post(reverse("admin:notifications_alertchannel_preview_draft", args=("webhook", 0)), typed()).status_code
        == 403
    )


def test_slack_wants_a_webhook_or_a_token_with_a_channel(admin_client):
    url = reverse("admin:notifications_alertchannel_add") + "?kind=slack"
    base = {"name": "s", "minimum_severity": "info", "max_per_minute": "30"}
    assert "Enter a webhook URL" in admin_client.post(url, base).content.decode()
    assert "where to write" in admin_client.post(url, {**base, "config_token": "xoxb-1"}).content.decode()
    assert admin_client.post(url, {**base, "config_token": "xoxb-1", "config_channel": "C1"}).status_code == 302
