"""From rows to rules: what holds at a moment, in a fixed number of queries."""

import logging
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from notifications.message import Message
from notifications.models import AlertChannel, EscalationStep, Maintenance, Route, Silence
from notifications.routing.matchers import BadMatcher, Facts, Matchers, parse
from notifications.routing.reasons import Reason
from notifications.routing.rules import Mute, Receiver, RouteRule, Rules, Step

logger = logging.getLogger(__name__)
_BETWEEN_TAGS: Final = re.compile(r"[;,\s]+")


def facts_of(message: Message) -> Facts:
    """What a message is judged by: its labels, and its severity, source and incident as labels, too."""
    own = {"severity": str(message.severity), "incident": message.id}
    return facts({"source": message.source, **message.labels, **own})


def facts(labels: dict[str, str]) -> Facts:
    """Labels as facts. The label ``tags`` (``prod;web``) is what the matchers on ``tag`` are about."""
    tags = frozenset(tag for tag in _BETWEEN_TAGS.split(labels.get("tags", "")) if tag)
    return Facts(labels, tags)


def load(moment: datetime) -> Rules:
    """Everything that decides at that moment."""
    return Rules(tuple(routes()), tuple(mutes(moment)))


def routes() -> list[RouteRule]:
    """The enabled routes in their order, the default one last."""
    rows = Route.objects.prefetch_related("windows", "steps__channels", "channels")
    found = list(rows.order_by("is_default", "position", "pk"))
    if not any(route.is_default for route in found):
        found.append(Route.default())
    every = [as_receiver(channel) for channel in AlertChannel.objects.order_by("pk")]
    return [rule for route in found if route.enabled and (rule := rule_of(route, every))]


def rule_of(route: Route, every: list[Receiver]) -> RouteRule | None:
    """One route as a plain value; None, and a line in the log, where its matchers cannot be read."""
    enabled = [one for one in every if one.enabled]
    own = [as_receiver(channel) for channel in sorted(route.channels.all(), key=lambda one: one.pk)]
    windows = [window.weekly(route.quiet_zone) for window in route.windows.all()]
    try:
        return route.rule(enabled if route.every_channel else own, windows, map(_step, route.steps.all()))
    except BadMatcher as error:
        logger.error("The route “%s” is passed over: %s", route.name, error)
        return None


def as_receiver(channel: AlertChannel) -> Receiver:
    """A channel as routing sees it."""
    return Receiver(channel.pk, channel.name, channel.enabled, channel.minimum_severity, channel.kind)


def _step(row: EscalationStep) -> Step:
    channels = tuple(as_receiver(channel) for channel in sorted(row.channels.all(), key=lambda one: one.pk))
    return Step(timedelta(minutes=row.after_minutes), channels)


def mutes(moment: datetime) -> list[Mute]:
    """The silences and maintenance windows that hold at that moment."""
    active = Silence.objects.filter(starts_at__lte=moment, ends_at__gt=moment)
    found = [
        Mute(Reason.SILENCED, row.pk, str(row), matchers, row.ends_at)
        for row in active
        if (matchers := _readable(row.matchers)) is not None
    ]
    return found + maintenances(Maintenance.objects.filter(enabled=True), moment)


def maintenances(rows: Iterable[Maintenance], moment: datetime) -> list[Mute]:
    """Those of these windows that hold at that moment."""
    found = []
    for row in rows:
        window, matchers = row.window(moment), _readable(row.matchers)
        if window and matchers is not None and window[0] <= moment < window[1]:
            found.append(Mute(Reason.MAINTENANCE, row.pk, row.name, matchers, window[1]))
    return found


def _readable(text: str) -> Matchers | None:
    try:
        return parse(text)
    except BadMatcher as error:
        logger.error("A silence or maintenance window is passed over: %s", error)
        return None
