"""Sends a test message through one channel and waits for what becomes of it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifications import sending
from notifications.dispatch import publish_test
from notifications.models import AlertChannel, DeliveryState


class Command(BaseCommand):
    """The same path as a real message; the sending happens in this process, so no worker is needed."""

    help = "Send a test message through an alert channel. Ends with an error if it does not arrive."

    def add_arguments(self, parser: CommandParser) -> None:
        """The channel."""
        parser.add_argument("channel", help="The name of the alert channel.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send, and say how it ended."""
        try:
            channel = AlertChannel.named(options["channel"])
        except AlertChannel.DoesNotExist:
            names = ", ".join(AlertChannel.objects.values_list("name", flat=True)) or "there is none yet"
            raise CommandError(f"There is no alert channel “{options['channel']}” ({names}).") from None
        delivery = publish_test(channel, kind=channel.kind, name=channel.name)
        sending.deliver(delivery.pk)
        delivery.refresh_from_db()
        if delivery.state == DeliveryState.SENDING:
            raise CommandError("A worker was faster and is sending it: see the list of deliveries.")
        if delivery.state != DeliveryState.DELIVERED:
            raise CommandError(str(delivery.last_error))
        seconds = delivery.duration_seconds or 0
        self.stdout.write(f"Delivered through “{channel.name}” in {seconds:.1f} s. {delivery.last_error}".strip())
