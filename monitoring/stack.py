"""The stack watched: what the daily and the weekly checks of Prometheus and its neighbours say at this moment.

``look`` asks everything; ``latest`` gives what was found a few seconds ago, so that ten people with the page open ask
no more than one.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from monitoring import annotations, canary, stack_checks, stack_facts, stack_tables
from monitoring.models import Review
from monitoring.stack_checks import Check
from monitoring.stack_tables import RuleUse, Target
from monitoring.stack_verdicts import State
from portal.lib import clock

KEEP_SECONDS: Final = 10
REVIEW_DAYS: Final = 7
ORDER: Final = (State.FAILED, State.WARNING, State.ABSENT, State.OK)


@dataclass(frozen=True)
class Report:
    """What one look found."""

    looked_at: datetime
    seconds: float
    checks: list[Check]
    targets: list[Target]
    rules: list[RuleUse]

    @property
    def state(self) -> State:
        """The worst of its checks; a program that is not installed is no trouble."""
        return next((state for state in ORDER[:2] if any(check.state == state for check in self.checks)), State.OK)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {"state": self.state, **asdict(self), "looked_at": self.looked_at.isoformat()}


def look() -> Report:
    """Ask every program, judge the answers. Takes three seconds at most."""
    facts = stack_facts.gather()
    checks = [
        *stack_checks.judge(facts),
        canary_check(facts, clock.now()),
        annotations_check(),
        review_check(clock.now()),
    ]
    return Report(clock.now(), facts.seconds, checks, stack_tables.targets_of(facts), stack_tables.rule_use(facts))


def latest() -> Report:
    """What a look of the last seconds found; a new look where there was none."""
    found = kept()
    if found is None:
        found = look()
        cache.set(_key(), found, KEEP_SECONDS)
    return found


def kept() -> Report | None:
    """What a look of the last seconds found, None where there was none: asks nobody."""
    found: Report | None = cache.get(_key())
    return found


def _key() -> str:
    return f"monitoring:stack:{get_language()}"


def ago(report: Report) -> str:
    """How old it is."""
    return clock.ago(report.looked_at)


def canary_check(facts: stack_facts.Facts, moment: datetime) -> Check:
    """Whether the canary arrives, from Prometheus to a channel."""
    title = _("The canary arrives")
    well, sentence = canary.sentence(moment)
    if well is not None:
        return Check("canary", title, State.OK if well else State.FAILED, sentence)
    absent = any((error := facts.error(name)) and error.absent for name in ("healthy", "alertmanager"))
    if absent:
        return Check("canary", title, State.ABSENT, _("It takes Prometheus and Alertmanager to tell."))
    return Check("canary", title, State.WARNING, sentence)


def annotations_check() -> Check:
    """Whether Grafana's graphs show what incidents there are."""
    title = _("Incidents are marked in Grafana")
    if not annotations.wanted():
        sentence = _("With a token of the role Editor in PORTAL_GRAFANA_TOKEN they are marks on its graphs.")
        return Check("annotations", title, State.ABSENT, sentence)
    if error := annotations.last_error():
        return Check("annotations", title, State.WARNING, error)
    return Check("annotations", title, State.OK, _("Grafana shows them as they are."))


def review_check(moment: datetime) -> Check:
    """Whether somebody signed the weekly review within the week."""
    last = Review.objects.order_by("-signed_at").first()
    title = _("The weekly review is signed")
    if last is None:
        return Check("review", title, State.WARNING, _("Nobody has signed one yet: sign one when you have looked."))
    words = {"who": last.signer, "ago": clock.ago(last.signed_at, reference=moment)}
    if moment - last.signed_at > timedelta(days=REVIEW_DAYS):
        return Check("review", title, State.WARNING, _("%(who)s signed the last one %(ago)s: it is due again.") % words)
    return Check("review", title, State.OK, _("%(who)s signed it %(ago)s.") % words)
