"""Apprise URLs: one field for the hundred services that have no channel of their own here."""

import logging
import socket
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.channels import wording
from notifications.channels.base import Channel, Outcome
from notifications.channels.fields import Field
from notifications.channels.guard import address_guard
from notifications.message import Message, Severity, Status
from portal.lib.addresses import AddressRefused

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0
# What would ring on the server's own desk, or write into its own log, instead of telling anybody.
LOCAL: Final = frozenset({"dbus", "kde", "qt", "gnome", "gio", "glib", "macosx", "windows", "syslog", "blink1"})
NAMES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


class AppriseField(Field):
    """One Apprise URL, of a service that is somewhere else."""

    def clean(self, text: str) -> str:
        """The URL. Raises ValidationError, which never repeats it: tokens are part of it."""
        text = super().clean(text)
        scheme = urlsplit(text).scheme.lower()
        if scheme in LOCAL:
            raise ValidationError(
                _("%(scheme)s:// would only be seen on the portal's own machine.") % {"scheme": scheme}
            )
        found = plugin(text)
        if found is None:
            raise ValidationError(
                _("Apprise does not understand this: write it as its documentation of the service says.")
            )
        try:
            judge_host(found)
        except AddressRefused:
            sentence = _(
                "%(host)s is internal, and channels may not call internal addresses unless the administrator of the "
                "portal lists them: PORTAL_ALLOWED_INTERNAL=%(host)s."
            )
            raise ValidationError(sentence % {"host": found.host}) from None
        return text


class Apprise(Channel):
    """Hands title and text to the library, which knows how each service is spoken to."""

    label = gettext_lazy("Apprise")
    description = gettext_lazy(
        "Telegram, ntfy, Gotify, Matrix, PagerDuty, Opsgenie, SMS services and a hundred others."
    )
    icon = "hub"
    fields = (
        AppriseField(
            "url",
            gettext_lazy("Apprise URL"),
            gettext_lazy(
                "One address in Apprise's form, such as tgram://TOKEN/CHAT or ntfys://ntfy.example.org/TOPIC. "
                "github.com/caronc/apprise lists all services. Kept encrypted."
            ),
            secret=True,
            placeholder="ntfys://ntfy.example.org/alerts",
        ),
    )

    def target(self) -> str:
        """The service's name, and its host where that is no secret."""
        found = plugin(str(self.settings.get("url", "")))
        return str(found.service_name) if found else "Apprise"

    def send(self, message: Message, idempotency_key: str) -> Outcome:
        """Hand it over. The library says yes or no and nothing else; what it logs may hold the address and is muted."""
        found = plugin(self.settings["url"])
        if found is None:
            return Outcome.permanent(_("Apprise does not understand this channel's URL any more: enter it again."))
        said = {"service": str(found.service_name)}
        try:
            judge_host(found)
        except AddressRefused:
            return Outcome.permanent(_("It was not sent: the address of %(service)s is internal.") % said)
        found.socket_connect_timeout, found.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
        kind = "success" if message.status == Status.RESOLVED else NAMES[message.severity]
        if found.notify(body=_text(message), title=wording.headline(message), notify_type=kind, body_format="text"):
            return Outcome.delivered()
        return Outcome.temporary(_("%(service)s did not take it. Apprise does not say why.") % said)


def plugin(url: str) -> Any:
    """Apprise's object for that URL, or None where it understands none."""
    import apprise  # a second of work, for those who use it

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return apprise.Apprise.instantiate(url, suppress_exceptions=True)


def judge_host(found: Any) -> None:
    """Raises AddressRefused where it would call an internal address. What is no host's name for this machine (many
    services put a token in its place) is no address of the inside either."""
    host = str(getattr(found, "host", "") or "")
    try:
        address_guard().resolve(host or "invalid.", int(getattr(found, "port", 0) or 443))
    except (socket.gaierror, UnicodeError):
        return


def _text(message: Message) -> str:
    facts = "\n".join(f"{name}: {value}" for name, value in message.labels.items())
    footer = f"{message.source} · {wording.moment(message)}"
    return "\n\n".join(part for part in (message.text, facts, wording.web_link(message), footer) if part)
