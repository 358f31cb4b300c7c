"""The judgement of the stack: facts in, checks out. Pure functions; each sentence says what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitoring import shipped, stack_neighbours
from monitoring.prometheus import PeerError
from monitoring.stack_facts import Facts
from monitoring.stack_tables import label, retention_of, rule_use, rules_of, some
from monitoring.stack_verdicts import State, Verdict, needs_prometheus, unanswered

RETENTION_DAYS: Final = 30
RETENTION_BYTES: Final = 10 * 2**30
ALL_DAY: Final = 0.8  # of a day: from then on nobody reads that alert any more


@dataclass(frozen=True)
class Check:
    """One of them: a name for programs, a title for people, how it went, and what to do."""

    name: str
    title: str
    state: State
    sentence: str


TITLES: Final[dict[str, Any]] = {
    "prometheus": gettext_lazy("Prometheus answers"),
    "configuration": gettext_lazy("Prometheus has loaded its configuration"),
    "targets": gettext_lazy("Prometheus's targets are up"),
    "rules": gettext_lazy("Prometheus's rules are those shipped"),
    "retention": gettext_lazy("Prometheus keeps 30 days and 10 GB"),
    "alertmanagers": gettext_lazy("Prometheus knows an Alertmanager"),
    "noise": gettext_lazy("No rule fires all day"),
    "alertmanager": gettext_lazy("Alertmanager answers"),
    "grafana": gettext_lazy("Grafana answers"),
    "dashboards": gettext_lazy("Grafana's dashboards are those shipped"),
    "node_exporter": gettext_lazy("The node exporter measures"),
    "node_samples": gettext_lazy("Every node exporter has samples"),
    "portal": gettext_lazy("The portal's own metrics are there"),
}


def judge(facts: Facts) -> list[Check]:
    """Every check, in the order of a person's interest."""
    return [Check(name, str(TITLES[name]), *_CHECKS[name](facts)) for name in TITLES]


def _prometheus(facts: Facts) -> Verdict:
    if error := facts.error("healthy"):
        return unanswered(facts, "prometheus", "Prometheus", error)
    ready = facts.found["ready"]
    if isinstance(ready, PeerError) or ready.status != 200:
        return State.WARNING, _("Prometheus is healthy and not ready yet: it reads its data. If that lasts for more "
                                "than some minutes, look into its log.")  # fmt: skip
    if error := facts.error("build"):
        return State.FAILED, _("What answers at %(url)s is no Prometheus: %(why)s. Correct PORTAL_PROMETHEUS_URL.") % {
            "url": facts.addresses.get("prometheus", ""), "why": error,
        }  # fmt: skip
    return State.OK, _("Version %s, healthy and ready.") % (facts.at("build", "version") or "?")


@needs_prometheus("runtime")
def _configuration(facts: Facts) -> Verdict:
    if facts.at("runtime", "reloadConfigSuccess") is not True:
        return State.FAILED, _("The last change of its configuration was refused, so the one before is in force: "
                               "`promtool check config` names the line.")  # fmt: skip
    return State.OK, _("Loaded, and nothing of it refused.")


@needs_prometheus("targets")
def _targets(facts: Facts) -> Verdict:
    rows = facts.rows("targets", "activeTargets")
    down = [row for row in rows if row.get("health") == "down"]
    mine = [row for row in rows if label(row, "job") == "proxmox-manager"]
    if not mine:
        return State.FAILED, _("Prometheus does not scrape the portal: add the job proxmox-manager of "
                               "deploy/prometheus/prometheus.yml to its configuration.")  # fmt: skip
    if any(row.get("health") == "down" for row in mine):
        return State.FAILED, _("Prometheus cannot scrape the portal: the table of targets says why.")
    if down:
        words = _("%(down)d of %(all)d targets are down: the table of targets says why.")
        return State.WARNING, words % {"down": len(down), "all": len(rows)}
    return State.OK, ngettext("%d target is up.", "All %d targets are up.", len(rows)) % len(rows)


@needs_prometheus("rules")
def _rules(facts: Facts) -> Verdict:
    loaded = {str(rule.get("name")): rule for rule in rules_of(facts)}
    missing = sorted(set(shipped.rules()) - set(loaded))
    broken = sorted(name for name, rule in loaded.items() if rule.get("health") == "err")
    if broken:
        return State.FAILED, _("These rules cannot be evaluated: %s. Prometheus's page /rules says why.") % some(broken)
    if missing:
        return State.FAILED, _("Not loaded: %s. Put the files of deploy/prometheus beside its configuration, name "
                               "them in rule_files, and reload Prometheus.") % some(missing)  # fmt: skip
    asked = shipped.expressions()
    other = sorted(name for name in asked if shipped.bare(str(loaded[name].get("query"))) != asked[name])
    if other:
        return State.FAILED, _("Loaded, and asking something else than those shipped: %s. Put the files of "
                               "deploy/prometheus in their place, and reload Prometheus.") % some(other)  # fmt: skip
    more = sorted(set(loaded) - set(shipped.rules()))
    if more:
        return State.OK, _("All %(count)d are loaded, and of your own: %(more)s.") % {
            "count": len(shipped.rules()), "more": some(more),
        }  # fmt: skip
    return State.OK, _("All %d are loaded.") % len(loaded)


@needs_prometheus("runtime", "flags")
def _retention(facts: Facts) -> Verdict:
    said = str(facts.at("runtime", "storageRetention") or "")
    days, size = retention_of(said)
    told = _("It keeps %s.") % (said or "?")
    if days is None:
        return State.WARNING, _("Prometheus does not say how long it keeps its data.")
    if days != RETENTION_DAYS or size != RETENTION_BYTES:
        return State.WARNING, told + " " + _("Start it with --storage.tsdb.retention.time=30d "
                                             "--storage.tsdb.retention.size=10GB, or know why not.")  # fmt: skip
    return State.OK, told


@needs_prometheus("alertmanagers")
def _alertmanagers(facts: Facts) -> Verdict:
    found = [str(row.get("url", "?")) for row in facts.rows("alertmanagers", "activeAlertmanagers")]
    if not found:
        return State.FAILED, _("What fires is told to nobody: name an Alertmanager under alerting in its "
                               "configuration.")  # fmt: skip
    return State.OK, _("What fires goes to %s.") % some([url.removesuffix("/api/v2/alerts") for url in found])


@needs_prometheus("rules", "day", "week")
def _noise(facts: Facts) -> Verdict:
    noisy = [f"{row.name} ({row.day:.0%})" for row in rule_use(facts) if row.day >= ALL_DAY and not row.steady]
    if noisy:
        return State.WARNING, _("Firing for most of the last day: %s. Mend what they tell of, or change their "
                                "threshold: what always fires is read by nobody.") % some(noisy)  # fmt: skip
    never = sum(1 for row in rule_use(facts) if row.week == 0)
    return State.OK, _("None does. %d alert rules have not fired within 7 days.") % never


_CHECKS: Final[dict[str, Callable[[Facts], Verdict]]] = {
    "prometheus": _prometheus,
    "configuration": _configuration,
    "targets": _targets,
    "rules": _rules,
    "retention": _retention,
    "alertmanagers": _alertmanagers,
    "noise": _noise,
    "alertmanager": stack_neighbours.alertmanager,
    "grafana": stack_neighbours.grafana,
    "dashboards": stack_neighbours.dashboards,
    "node_exporter": stack_neighbours.node_exporter,
    "node_samples": stack_neighbours.node_samples,
    "portal": stack_neighbours.portal,
}
