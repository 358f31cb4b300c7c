"""Whom rules would reach, without a message: for coverage, for lists, and for the "try it" page."""

from collections.abc import Mapping
from datetime import datetime

from notifications import rulebook
from notifications.message import Severity
from notifications.models import AlertChannel
from notifications.routing.matchers import Facts
from notifications.routing.plan import Plan, plan
from notifications.routing.rules import Rules
from portal.lib import clock

Labels = Mapping[str, str]


class Reach:
    """Says of labels whether something critical about such a thing would ever be told to anybody. It reads the rules
    once, so that it can be asked about many things. ``names`` are the labels that make a difference; if ``always`` is
    not None, it is the answer for all."""

    def __init__(self) -> None:
        self.rules = Rules(tuple(rulebook.routes()))
        self.moment = clock.now()
        self.names = frozenset(matcher.name for rule in self.rules.routes for matcher in rule.matchers)
        self.always = self._always()

    def _always(self) -> bool | None:
        routes = self.rules.routes
        serving = [route for route in routes if any(channel.enabled for channel in route.channels)]
        if not serving:
            return False
        # A default route takes the rest, and no route before it swallows anything.
        return True if routes[-1].is_default and len(serving) == len(routes) else None

    def __call__(self, labels: Labels) -> bool:
        """Whether somebody would be told."""
        if self.always is not None:
            return self.always
        facts = rulebook.facts({**labels, "severity": Severity.CRITICAL})
        return plan(self.rules, facts, Severity.CRITICAL, self.moment).reaches


def explain(facts: Facts, severity: str, moment: datetime) -> Plan:
    """What would become of such a message at that moment."""
    return plan(rulebook.load(moment), facts, severity, moment)


def unreached_channels() -> set[int]:
    """Enabled channels that no enabled route names, for itself or in an escalation."""
    named = set()
    for rule in rulebook.routes():
        named |= {channel.pk for channel in rule.channels}
        named |= {channel.pk for step in rule.steps for channel in step.channels}
    return set(AlertChannel.objects.filter(enabled=True).values_list("pk", flat=True)) - named
