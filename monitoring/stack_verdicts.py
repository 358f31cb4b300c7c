"""How a check went, and what every check shares."""

from collections.abc import Callable
from enum import StrEnum

from django.utils.translation import gettext as _

from monitoring.prometheus import PeerError
from monitoring.stack_facts import Facts


class State(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    ABSENT = "not installed"


Verdict = tuple[State, str]  # and the sentence


def unanswered(facts: Facts, program: str, name: str, error: PeerError) -> Verdict:
    """Of a program that does not answer: failed where it ought to be there, else not installed."""
    variable, address = f"PORTAL_{program.upper()}_URL", facts.addresses.get(program, "")
    words = {"name": name, "url": address, "why": error, "variable": variable}
    if variable in facts.given or not error.absent:
        return State.FAILED, _("%(name)s at %(url)s: %(why)s. Look into its log, or correct %(variable)s.") % words
    return State.ABSENT, _("Nothing answers at %(url)s. Install %(name)s, or set %(variable)s to where it is.") % words


def needs_prometheus(*names: str) -> Callable[[Callable[[Facts], Verdict]], Callable[[Facts], Verdict]]:
    """The check is made where Prometheus is there and answered these questions."""

    def decorate(check: Callable[[Facts], Verdict]) -> Callable[[Facts], Verdict]:
        def checked(facts: Facts) -> Verdict:
            if (error := facts.error("healthy")) and error.absent:
                return State.ABSENT, _("It takes Prometheus to tell.")
            if error := facts.error(*names):
                return State.FAILED, _("Prometheus could not be asked: %s.") % error
            return check(facts)

        return checked

    return decorate
