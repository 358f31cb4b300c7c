"""The judgement of Prometheus's neighbours: Alertmanager, Grafana, the exporters, the portal itself."""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import shipped
from monitoring.stack_facts import Facts
from monitoring.stack_tables import key_of, label, samples_of, some
from monitoring.stack_verdicts import State, Verdict, needs_prometheus, unanswered

EXPORTER_JOBS: Final = frozenset({"node-exporter", "managed-servers"})


def alertmanager(facts: Facts) -> Verdict:
    """Whether it answers as one."""
    if error := facts.error("alertmanager"):
        return unanswered(facts, "alertmanager", "Alertmanager", error)
    if error := facts.error("alertmanager_status"):
        return State.FAILED, _("What answers at %(url)s is no Alertmanager: %(why)s.") % {
            "url": facts.addresses.get("alertmanager", ""), "why": error,
        }  # fmt: skip
    return State.OK, _("Version %s.") % (facts.at("alertmanager_status", "versionInfo", "version") or "?")


def grafana(facts: Facts) -> Verdict:
    """Whether it answers, and its database is well."""
    if error := facts.error("grafana"):
        return unanswered(facts, "grafana", "Grafana", error)
    if facts.at("grafana", "database") != "ok":
        return State.FAILED, _("Grafana answers, and says that its database is not well: look into its log.")
    return State.OK, _("Version %s, its database is well.") % (facts.at("grafana", "version") or "?")


def dashboards(facts: Facts) -> Verdict:
    """Whether those that are shipped are provisioned."""
    wanted = shipped.dashboards()
    if not wanted:
        return State.ABSENT, _("No dashboards are shipped in deploy/grafana.")
    if facts.error("grafana"):
        return State.ABSENT, _("It takes Grafana to tell.")
    if error := facts.error("dashboards"):
        if error.status in {401, 403}:
            return State.WARNING, _("Grafana asks who wants to know: put the token of a service account with the role "
                                    "Viewer into PORTAL_GRAFANA_TOKEN.")  # fmt: skip
        return State.FAILED, _("Grafana could not be asked for its dashboards: %s.") % error
    return _compared(wanted, facts)


def _compared(wanted: dict[str, str], facts: Facts) -> Verdict:
    there = {str(row.get("uid")) for row in facts.rows("dashboards", "found")}
    missing = sorted(title for uid, title in wanted.items() if uid not in there)
    if missing:
        return State.FAILED, _("Not provisioned: %s. See deploy/grafana for where its provisioning belongs.") % some(
            missing
        )
    other = {str(row.get("uid")) for row in facts.rows("dashboards", "changed")}
    if changed := sorted(title for uid, title in wanted.items() if uid in other):
        return State.WARNING, _("Not as shipped: %s. Grafana has other panels, or an older file: restart it, or render "
                                "deploy/grafana anew.") % some(changed)  # fmt: skip
    return State.OK, _("All %d are there, as shipped.") % len(wanted)


def node_exporter(facts: Facts) -> Verdict:
    """The guide's daily count, on this machine."""
    if error := facts.error("node"):
        return unanswered(facts, "node_exporter", "the node exporter", error)
    count = facts.found["node"]
    if not count:
        return State.FAILED, _("It answers without a single node_ sample: is PORTAL_NODE_EXPORTER_URL right?")
    return State.OK, _("%d node_ samples on this machine.") % count


@needs_prometheus("targets", "samples")
def node_samples(facts: Facts) -> Verdict:
    """The same of every exporter that Prometheus scrapes."""
    up = [row for row in facts.rows("targets", "activeTargets") if row.get("health") == "up"]
    exporters = [row for row in up if label(row, "job") in EXPORTER_JOBS]
    counts = samples_of(facts)
    empty = sorted(key[1] for row in exporters if not counts.get(key := key_of(row)))
    if empty:
        return State.WARNING, _("Up, and yet without node_ samples: %s. Another program may listen there, or the "
                                "exporter has started this minute.") % some(empty)  # fmt: skip
    if not exporters:
        return State.WARNING, _("Prometheus scrapes no node exporter: give servers an exporter port.")
    least = int(min(counts.get(key_of(row), 0) for row in exporters))
    words = ngettext(
        "%(count)d exporter, with %(least)d samples.",
        "%(count)d exporters, each with at least %(least)d samples.",
        len(exporters),
    )
    return State.OK, words % {"count": len(exporters), "least": least}


def portal(facts: Facts) -> Verdict:
    """Whether /metrics answers with samples."""
    address = facts.addresses.get("portal", "")
    if error := facts.error("own"):
        return State.FAILED, _("The portal's metrics at %(url)s: %(why)s. If people reach it under another address, "
                               "set PORTAL_METRICS_URL, with a host of PORTAL_ALLOWED_HOSTS.") % {
            "url": address, "why": error,
        }  # fmt: skip
    count = facts.found["own"]
    if not count:
        return State.FAILED, _("%s answers without a single sample: is PORTAL_METRICS_URL right?") % address
    return State.OK, _("%d samples.") % count
