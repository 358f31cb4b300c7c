"""The answer of routing: for each route whether it matches, and then whom it tells, when, and why not.

What is sent follows this plan, and the "try it" page shows it: they cannot disagree.
"""

from dataclasses import dataclass, field
from datetime import datetime

from notifications.routing.matchers import Facts, Matcher, failing
from notifications.routing.reasons import Reason
from notifications.routing.rules import Mute, Receiver, RouteRule, Rules
from notifications.routing.windows import until


@dataclass(frozen=True, slots=True)
class Target:
    """A channel of a route. ``reason`` says why it is not told; empty: it is."""

    channel: Receiver
    reason: Reason | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """What one route does with a message."""

    route: RouteRule
    matched: bool
    failed: Matcher | None = None
    stopped_by: str = ""
    mute: Mute | None = None
    quiet_until: datetime | None = None
    bundle: str | None = None
    targets: tuple[Target, ...] = ()

    @property
    def held_until(self) -> datetime | None:
        """Until when it says nothing, for a silence, maintenance or quiet hours; None: nothing holds it."""
        ends = [end for end in (self.mute.until if self.mute else None, self.quiet_until) if end]
        return max(ends, default=None)


@dataclass(frozen=True, slots=True)
class Plan:
    """All routes in their order."""

    facts: Facts
    severity: str
    moment: datetime
    lanes: tuple[Lane, ...] = field(default_factory=tuple)

    @property
    def matched(self) -> list[Lane]:
        """The routes that take the message."""
        return [lane for lane in self.lanes if lane.matched]

    @property
    def reaches(self) -> bool:
        """Whether any channel would be told, sooner or later."""
        return any(target.reason is None for lane in self.matched for target in lane.targets)


def matching(rules: Rules, facts: Facts) -> list[tuple[RouteRule, Matcher | None, str]]:
    """Each route with the condition that failed, or the route that stopped the search before it. Both empty: it
    matches. A route that does not go on is the last one that matches; as Alertmanager's, without nesting."""
    found: list[tuple[RouteRule, Matcher | None, str]] = []
    taken = stopped = ""
    for route in rules.routes:
        ended_by = stopped or (taken if route.is_default else "")
        failed = None if ended_by else failing(route.matchers, facts)
        found.append((route, failed, ended_by))
        if not ended_by and failed is None:
            taken = taken or route.name
            stopped = "" if route.goes_on else route.name
    return found


def plan(rules: Rules, facts: Facts, severity: str, moment: datetime) -> Plan:
    """What becomes of a message with these facts at that moment. A channel that two routes name is told once."""
    lanes: list[Lane] = []
    seen: dict[int, str] = {}
    mute = rules.mute(facts)
    for route, failed, stopped_by in matching(rules, facts):
        if failed is not None or stopped_by:
            lanes.append(Lane(route, matched=False, failed=failed, stopped_by=stopped_by))
            continue
        hush, bundle = quiet(route, severity, moment), route.bundle_key(facts)
        # What is told later or together is another message: only what is told at once is not told twice.
        told = {} if hush or mute or bundle else seen
        whom = targets(route.channels, severity, told, route.name)
        lanes.append(Lane(route, matched=True, mute=mute, quiet_until=hush, bundle=bundle, targets=whom))
    return Plan(facts, severity, moment, tuple(lanes))


def quiet(route: RouteRule, severity: str, moment: datetime) -> datetime | None:
    """Until when that route keeps quiet about something so severe; None if it does not."""
    return None if severity in route.exempt else until(route.quiet, moment)


def targets(channels: tuple[Receiver, ...], severity: str, seen: dict[int, str], name: str) -> tuple[Target, ...]:
    """Each channel with the reason against it. ``seen`` holds the channels that another route tells, by its name."""
    found: list[Target] = []
    for channel in channels:
        reason: Reason | None = None
        if not channel.enabled:
            reason = Reason.DISABLED
        elif channel.refuses(severity):
            reason = Reason.SEVERITY
        elif channel.pk in seen:
            reason = Reason.DUPLICATE
        found.append(Target(channel, reason, seen.get(channel.pk, "")))
        if reason is None:
            seen[channel.pk] = name
    return tuple(found)
