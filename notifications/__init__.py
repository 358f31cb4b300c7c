"""From a message to its delivery. Knows no Proxmox and no Prometheus.

This is the door: other apps use what is named in ``__all__``, and nothing behind it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from notifications.message import Message, Severity, Status
from notifications.picking import Picker

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.db.models import QuerySet

    from notifications.counting import Figures
    from notifications.explaining import Line
    from notifications.history import Told
    from notifications.models import AlertChannel, Notification
    from notifications.reaching import Reach
    from notifications.routing.rules import Mute

__all__ = [
    "Message",
    "Picker",
    "Severity",
    "Status",
    "acknowledged",
    "canary_delivered_at",
    "decisions",
    "figures",
    "forget",
    "given_up",
    "has_channel",
    "has_route",
    "maintenance_now",
    "may_see_rules",
    "may_silence",
    "muted_now",
    "muting",
    "offer",
    "planned",
    "publish",
    "reach",
    "resolved",
    "send_canary",
    "silence_url",
    "snoozed",
    "told",
    "try_url",
    "untold",
]


def publish(message: Message, *, channels: "Iterable[AlertChannel] | None" = None) -> "Notification":
    """Write the message and one delivery per channel that wants it, inside the caller's transaction, and wake the
    workers after it. The same message (its ``key``) published again changes nothing.

    ``channels`` names the channels instead of asking which want it. Returns the notification's row.
    """
    from notifications import dispatch

    return dispatch.publish(message, channels=channels)


def untold(message_ids: Iterable[str]) -> set[str]:
    """Those of which no channel was given anything, nor will be by itself: nothing waits for a group or a quiet hour's
    end."""
    from notifications import history

    return history.untold(list(message_ids))


def figures() -> "Figures":
    """What the metrics tell of messages: counters and the queue, in a fixed number of queries."""
    from notifications import counting

    return counting.read()


def send_canary(moment: datetime) -> bool:
    """Send a message that bothers nobody on the way that all take. False while the one before is still under way."""
    from notifications import canary

    return canary.send(moment)


def canary_delivered_at() -> datetime | None:
    """When such a message arrived last. While none ever did, since when the first one is on its way; None where none
    was sent."""
    from notifications import canary

    return canary.delivered_at()


def given_up(since: datetime) -> dict[str, int]:
    """How many messages each channel has lost for good since then, and nobody has sent again or dismissed."""
    from notifications import counting

    return counting.given_up(since)


def has_channel() -> bool:
    """Whether there is a channel that would tell anybody anything."""
    from notifications.models import AlertChannel

    return AlertChannel.objects.filter(enabled=True).exists()


def told(message_id: str) -> "list[Told]":
    """What was said under that id and what became of it, the newest first."""
    from notifications import history

    return history.of(message_id)


def decisions(message_id: str) -> "list[Line]":
    """What was decided about the messages under that id, for each route and channel, in order: why somebody was told,
    or was not."""
    from notifications import explaining

    return explaining.of(message_id)


def forget(before: datetime, spared: "QuerySet[Any]") -> int:
    """Forget what was said and decided before that moment, but for what belongs to the ids of ``spared`` or is not
    over. Returns how many rows: a bounded number. Counters are never touched."""
    from notifications import pruning

    return pruning.forget(before, spared)


# --- what people do about an incident: ``message_id`` is the ``id`` of its messages


def acknowledged(message_id: str, by: str) -> int:
    """Somebody looks after it: it is neither repeated nor escalated any more. Returns in how many routes it was open.
    Call it in the transaction that keeps the acknowledgement."""
    from notifications import attending

    return attending.acknowledged(message_id, by)


def snoozed(message_id: str, until: datetime, by: str) -> int:
    """It is neither repeated nor escalated until then, and said once more at that time unless somebody acknowledged it.
    Returns in how many routes it was told."""
    from notifications import attending

    return attending.snoozed(message_id, until, by)


def resolved(message_id: str) -> int:
    """It is over and nobody needs to hear that: drop what was to come. (The usual end is a message that says so:
    ``publish(message.resolved())``.) Returns in how many routes it was open."""
    from notifications import attending

    return attending.resolved(message_id)


# --- questions about rules


def reach() -> "Reach":
    """What says of labels whether something critical about such a thing would be told to anybody. It has read the
    rules: ask it about many things."""
    from notifications import reaching

    return reaching.Reach()


def has_route(labels: Mapping[str, str]) -> bool:
    """Whether something critical about a thing with these labels would be told to anybody."""
    return reach()(labels)


def maintenance_now(labels: Mapping[str, str]) -> tuple[str, datetime] | None:
    """The maintenance window that covers a thing with these labels now, as (name, end); None if there is none."""
    from notifications import attending

    return attending.maintenance_now(dict(labels))


def planned(moment: datetime) -> "Callable[[Mapping[str, str]], tuple[str, datetime] | None] | None":
    """What says of labels which maintenance window covers such a thing at that moment, as (name, end). It has read the
    windows: ask it about many things. None where no window is open at all."""
    from notifications import attending

    return attending.planned(moment)


def muted_now(labels: Mapping[str, str]) -> "list[Mute]":
    """The silences and maintenance windows that cover a thing with these labels now, with ``kind``, ``name`` and
    ``until``."""
    return muting()(labels)


def muting() -> "Callable[[Mapping[str, str]], list[Mute]]":
    """The same as ``muted_now``. It has read the rules: ask it about many things."""
    from notifications import rulebook
    from portal.lib import clock

    found = rulebook.mutes(clock.now())
    return lambda labels: [mute for mute in found if mute.covers(rulebook.facts(dict(labels)))]


def may_silence(user: "AbstractBaseUser | AnonymousUser") -> bool:
    """Whether that person may begin a silence."""
    from notifications.models import Silence
    from portal.lib.access import may

    return may(user, "add", Silence)


def may_see_rules(user: "AbstractBaseUser | AnonymousUser") -> bool:
    """Whether that person may look at routes and silences."""
    from notifications.models import Route
    from portal.lib.access import may

    return may(user, "view", Route)


def offer(picker: Picker) -> None:
    """Let people choose from that on the page that says who would be told: what is chosen fills in its labels."""
    from notifications import picking

    picking.register(picker)


def silence_url(labels: Mapping[str, str], *, period: str = "", reason: str = "") -> str:
    """The address of the form for a silence, with these labels as its matchers. ``period``: hours ("1", "4", "24"), or
    "until" for a time of one's own; ``reason``: what it is filled in with."""
    from notifications import links

    return links.silence(labels, period=period, reason=reason)


def try_url(labels: Mapping[str, str]) -> str:
    """The address of the page that says who would be told of something with these labels."""
    from notifications import links

    return links.try_it(labels)
