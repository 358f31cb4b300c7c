"""Whom rules would reach, without a message: for coverage, for lists, and for the "try it" page."""

from collections.abc import Callable, Mapping
from datetime import datetime

from notifications import rulebook
from notifications.message import Severity
from notifications.routing.matchers import Facts
from notifications.routing.plan import Plan, plan
from notifications.routing.rules import Rules
from portal.lib import clock

Labels = Mapping[str, str]


def reach() -> Callable[[Labels], bool]:
    """A function that says of labels whether something critical about such a thing would ever be told to anybody. The
    rules are read once, so that it can be asked about every server."""
    rules = Rules(tuple(rulebook.routes()))
    moment = clock.now()

    def has_route(labels: Labels) -> bool:
        facts = rulebook.facts({**labels, "severity": Severity.CRITICAL})
        return plan(rules, facts, Severity.CRITICAL, moment).reaches

    return has_route


def everything_is_reached() -> bool:
    """Whether no question is needed: a default route with an enabled channel that takes what is critical, and no route
    before it that could swallow something."""
    rules = rulebook.routes()
    serving = [rule for rule in rules if any(channel.enabled for channel in rule.channels)]
    return bool(rules) and rules[-1].is_default and len(serving) == len(rules)


def explain(facts: Facts, severity: str, moment: datetime) -> Plan:
    """What would become of such a message at that moment."""
    return plan(rulebook.load(moment), facts, severity, moment)


def unreached_channels() -> set[int]:
    """Enabled channels that no enabled route names, for itself or in an escalation."""
    from notifications.models import AlertChannel

    named = set()
    for rule in rulebook.routes():
        named |= {channel.pk for channel in rule.channels}
        named |= {channel.pk for step in rule.steps for channel in step.channels}
    return set(AlertChannel.objects.filter(enabled=True).values_list("pk", flat=True)) - named
