"""From a message to its delivery. Knows no Proxmox and no Prometheus.

This is the door: other apps use ``Message``, ``publish``, ``told``, ``has_channel`` and ``figures``, and nothing
behind them.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from notifications.message import Message, Severity, Status

if TYPE_CHECKING:
    from notifications.counting import Figures
    from notifications.history import Told
    from notifications.models import AlertChannel, Notification

__all__ = ["Message", "Severity", "Status", "figures", "has_channel", "publish", "told"]


def publish(message: Message, *, channels: "Iterable[AlertChannel] | None" = None) -> "Notification":
    """Write the message and one delivery per channel that wants it, inside the caller's transaction, and wake the
    workers after it. The same message (its ``key``) published again changes nothing.

    ``channels`` names the channels instead of asking which want it. Returns the notification's row.
    """
    from notifications import dispatch

    return dispatch.publish(message, channels=channels)


def figures() -> "Figures":
    """What the metrics tell of messages: counters and the queue, in a fixed number of queries."""
    from notifications import counting

    return counting.read()


def has_channel() -> bool:
    """Whether there is a channel that would tell anybody anything."""
    from notifications.models import AlertChannel

    return AlertChannel.objects.filter(enabled=True).exists()


def told(message_id: str) -> "list[Told]":
    """What was said under that id and what became of it, the newest first."""
    from notifications import history

    return history.of(message_id)
