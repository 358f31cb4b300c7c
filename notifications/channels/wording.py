"""How every channel words and colours a message, so that the same thing looks the same everywhere."""

from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.message import Message, Severity, Status

COLOURS: Final = {Severity.INFO: "#2563eb", Severity.WARNING: "#d97706", Severity.CRITICAL: "#dc2626"}
RESOLVED_COLOUR: Final = "#16a34a"
TEST_COLOUR: Final = "#6b7280"


def colour(message: Message) -> str:
    """The colour of its severity, green for a recovery, grey for a test."""
    if message.status == Status.FIRING:
        return COLOURS[message.severity]
    return RESOLVED_COLOUR if message.status == Status.RESOLVED else TEST_COLOUR


def tag(message: Message) -> str:
    """One word that says what sort of message it is."""
    if message.status == Status.RESOLVED:
        return _("Resolved")
    if message.status == Status.TEST:
        return _("Test")
    words = {Severity.INFO: _("Info"), Severity.WARNING: _("Warning"), Severity.CRITICAL: _("Critical")}
    return words[message.severity]


def headline(message: Message) -> str:
    """The title with that word in front."""
    return f"{tag(message)}: {message.title}"


def moment(message: Message) -> str:
    """When it happened. A message is read by many, so it says the zone."""
    return message.timestamp.astimezone(timezone.get_default_timezone()).strftime("%Y-%m-%d %H:%M:%S %Z")


def web_link(message: Message) -> str:
    """Its link if it is a web address, else nothing."""
    return message.link if message.link.startswith(("https://", "http://")) else ""
