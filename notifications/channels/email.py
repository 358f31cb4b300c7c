"""E-mail, through the mail server of the settings."""

import hashlib
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.channels import wording
from notifications.channels.base import Channel, Outcome
from notifications.channels.fields import AddressesField
from notifications.channels.smtp import Backend, outcome_of, remark
from notifications.message import Message
from portal.lib import clock


class Email(Channel):
    """Sends one mail to all its addresses, as HTML and as text."""

    label = gettext_lazy("E-mail")
    description = gettext_lazy("Sends to one or several addresses, threaded by incident.")
    icon = "mail"
    fields = (
        AddressesField(
            "addresses",
            gettext_lazy("addresses"),
            gettext_lazy("One or several, separated by commas or lines. All of them see each other."),
            placeholder="oncall@example.org",
        ),
    )

    def target(self) -> str:
        """Its addresses."""
        return ", ".join(self.settings.get("addresses", []))

    @classmethod
    def missing(cls) -> str:
        """Whether there is a mail server to send through."""
        if settings.EMAIL_HOST:
            return ""
        return _("No mail server is configured: set PORTAL_SMTP_HOST (or PORTAL_EMAIL_URL) and restart the portal.")

    def send(self, message: Message, idempotency_key: str) -> Outcome:
        """Hand it to the mail server."""
        if missing := self.missing():
            return Outcome.temporary(missing)
        try:
            refusals = Backend().send(compose(message, self.settings["addresses"], idempotency_key))
        except OSError as error:  # smtplib's errors are OSErrors too
            return outcome_of(error)
        return Outcome.delivered(250, remark(refusals))


def compose(message: Message, addresses: list[str], idempotency_key: str) -> EmailMultiAlternatives:
    """The mail. Every mail of an incident refers to the same root, so that mail programs thread them; its own id is
    the delivery's, so that a mail which was sent twice is recognised as one."""
    domain = urlsplit(settings.PORTAL_URL).hostname
    root = f"<incident.{hashlib.sha256(message.id.encode()).hexdigest()[:32]}@{domain}>"
    headers = {
        "Message-ID": f"<{idempotency_key}@{domain}>",
        "Date": format_datetime(clock.now()),
        "References": root,
        "In-Reply-To": root,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    words: dict[str, Any] = {
        "message": message,
        "headline": wording.headline(message),
        "tag": wording.tag(message),
        "colour": wording.colour(message),
        "moment": wording.moment(message),
        "link": wording.web_link(message),
        "portal_url": settings.PORTAL_URL,
    }
    text = render_to_string("notifications/email.txt", words)
    mail = EmailMultiAlternatives(
        words["headline"], text, settings.DEFAULT_FROM_EMAIL, to=list(addresses), headers=headers
    )
    mail.attach_alternative(render_to_string("notifications/email.html", words), "text/html")
    return mail
