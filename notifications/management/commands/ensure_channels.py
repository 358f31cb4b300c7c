"""Makes the webhook channel that the environment asks for."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from notifications.environment import ensure_environment_channel, sentence_of

SAID = {
    "made": "The alert channel for WEBHOOK_URL was made.",
    "changed": "The alert channel follows the changed WEBHOOK_URL.",
    "kept": "The alert channel for WEBHOOK_URL is up to date.",
    "edited": "The alert channel for WEBHOOK_URL was edited by hand, and is left as it is.",
    "none": "WEBHOOK_URL is not set: no alert channel is made for it.",
}


class Command(BaseCommand):
    """Safe to repeat."""

    help = "Make the alert channel that PORTAL_WEBHOOK_URL (or WEBHOOK_URL) asks for."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what was done."""
        try:
            self.stdout.write(SAID[ensure_environment_channel()])
        except ValidationError as error:
            raise CommandError(sentence_of(error)) from None
