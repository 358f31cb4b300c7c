"""What the checks and the tables of the stack read out of the facts: rules and how much they fire, targets, samples."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring import canary, shipped
from monitoring.stack_facts import Facts

DAY_SECONDS: Final = 86_400
WEEK_DAYS: Final = 7
NAMED: Final = 6  # of a list in a sentence
UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
ERROR_LENGTH: Final = 300
# A part of Prometheus's words for a failed scrape, and what to do about it.
HINTS: Final = (
    ("connection refused", gettext_lazy("Nothing listens there: start the exporter, or correct the port.")),
    ("no such host", gettext_lazy("The name cannot be resolved: correct the address.")),
    ("deadline exceeded", gettext_lazy("No answer in time: a firewall between, or a machine that is down.")),
    ("i/o timeout", gettext_lazy("No answer in time: a firewall between, or a machine that is down.")),
    ("no route to host", gettext_lazy("No way there: a firewall or a network in between.")),
    ("HTTP status 401", gettext_lazy("It wants a token: see credentials_file of that job.")),
    ("HTTP status 403", gettext_lazy("It refuses the token: see credentials_file of that job.")),
    ("HTTP status 404", gettext_lazy("There are no metrics under that path: another program listens there.")),
    ("certificate", gettext_lazy("Its certificate is not accepted: see tls_config of that job.")),
    ("permission denied", gettext_lazy("Prometheus may not read a file of that job: see credentials_file.")),
    ("unable to read authorization credentials", gettext_lazy("The file with its token cannot be read.")),
)
SIZES: Final = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40, "PB": 2**50}


@dataclass(frozen=True)
class RuleUse:
    """How much an alert rule fires: the part of the last day and of the last seven days, 0 to 1. ``steady``: it is
    meant to fire all the time, and tells nobody (severity none)."""

    name: str
    loaded: bool
    shipped: bool
    state: str
    day: float
    week: float
    steady: bool = False


def rules_of(facts: Facts) -> Iterator[dict[str, Any]]:
    """Every loaded rule, with the ``interval`` of its group in seconds."""
    for group in facts.rows("rules", "groups"):
        interval = group.get("interval")
        rules = group.get("rules")
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict):
                yield {**rule, "interval": interval if isinstance(interval, int | float) and interval > 0 else 15.0}


def rule_use(facts: Facts) -> list[RuleUse]:
    """Every alert rule that is loaded or shipped, those that fire most first."""
    week, day = facts.values("week", "alertname"), facts.values("day", "alertname")
    loaded = {str(rule.get("name")): rule for rule in rules_of(facts) if rule.get("type") == "alerting"}
    ours = {name for name, kind in shipped.rules().items() if kind == "alert"}
    rows = []
    for name in set(loaded) | ours:
        rule = loaded.get(name, {})
        share = rule.get("interval", 15.0) / DAY_SECONDS
        day_share = min(1.0, day.get(name, 0) * share)
        week_share = min(1.0, week.get(name, 0) * share / WEEK_DAYS)
        steady = name == canary.RULE or label(rule, "severity") == "none"
        state = str(rule.get("state", ""))
        rows.append(RuleUse(name, name in loaded, name in ours, state, day_share, week_share, steady))
    return sorted(rows, key=lambda row: (row.steady, -row.day, -row.week, row.name))


def samples_of(facts: Facts) -> dict[tuple[str, str], float]:
    """The samples of each node exporter's last scrape, by job and instance."""
    found = facts.found.get("samples")
    pairs = found if isinstance(found, list) else []
    return {(labels.get("job", ""), labels.get("instance", "")): value for labels, value in pairs}


def some(names: list[str]) -> str:
    """The first few of a list, and how many more there are."""
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else _("%(some)s and %(more)d more") % {
        "some": shown, "more": len(names) - NAMED,
    }  # fmt: skip


def label(target: dict[str, Any], name: str) -> str:
    """That label of a target, '' where it has none."""
    labels = target.get("labels")
    return str(labels.get(name, "")) if isinstance(labels, dict) else ""


def key_of(target: dict[str, Any]) -> tuple[str, str]:
    """Job and instance of a target."""
    return label(target, "job"), label(target, "instance")


def retention_of(text: str) -> tuple[float | None, float | None]:
    """Days and bytes of Prometheus's words: "30d or 10GiB"; None for what it does not name."""
    days = size = None
    for part in text.split(" or "):
        if amount := re.fullmatch(r"([\d.]+)([KMGTP]?)i?B", part):
            size = float(amount[1]) * SIZES[f"{amount[2]}B"]
        elif re.fullmatch(r"(\d+(ms|[smhdwy]))+", part):
            days = sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", part)) / 86_400
    return days, size


@dataclass(frozen=True)
class Target:
    """Something that Prometheus scrapes, and why it is down."""

    job: str
    instance: str
    health: str
    error: str
    hint: str
    labels: dict[str, str]
    samples: int | None = None


def targets_of(facts: Facts) -> list[Target]:
    """Every target, those that are down first."""
    counts = samples_of(facts)
    rows = []
    for row in facts.rows("targets", "activeTargets"):
        job, instance = key_of(row)
        error = str(row.get("lastError") or "")[:ERROR_LENGTH]
        found = row.get("labels")
        labels = {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
        samples = counts.get((job, instance))
        rows.append(Target(job, instance, str(row.get("health")), error, _hint(error) if error else "", labels,
                           None if samples is None else int(samples)))  # fmt: skip
    return sorted(rows, key=lambda row: (row.health != "down", row.health == "up", row.job, row.instance))


def _hint(error: str) -> str:
    """What to do about one of Prometheus's reasons."""
    return next((str(words) for mark, words in HINTS if mark in error), "")
