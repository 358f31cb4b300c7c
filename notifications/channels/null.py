"""The channel that tells nobody: the end of the canary's way. Built in: no form offers it and no route reaches it."""

from django.utils.translation import gettext_lazy as _

from notifications.channels.base import Channel, Outcome
from notifications.message import Message


class Null(Channel):
    """Takes everything."""

    label = _("nobody")
    description = _("Takes the canary, which only proves that messages arrive.")
    icon = "flutter_dash"

    def send(self, message: Message, idempotency_key: str) -> Outcome:
        """It arrived: that is all there is to it."""
        return Outcome.delivered()

    def target(self) -> str:
        """Nowhere."""
        return ""
