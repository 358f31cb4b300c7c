"""Grafana's webhook payload, read: Alertmanager's with a few things more, and the version "1".

Its form: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
A rule that gets no data, or cannot be evaluated, arrives as an alert of another name with the rule's labels; it is a
trouble of its own, not the one that the rule looks for.
"""

from dataclasses import replace
from typing import Any, Final

from django.utils.translation import gettext as _

from monitoring import alertmanager
from monitoring.conditions import Finding
from monitoring.inventory_lookup import Lookup
from monitoring.models import Condition, Severity
from monitoring.payloads import LONGEST, Received, clean, link

VERSION: Final = "1"
OWN_TROUBLES: Final = {
    "DatasourceNoData": Condition.DATASOURCE_NO_DATA,
    "DatasourceError": Condition.DATASOURCE_ERROR,
}


def read(alert: Any) -> Received:
    """One alert, with the link to its panel or dashboard where there is one. Raises NotUnderstood."""
    found = alertmanager.read(alert)
    return replace(found, link=link(alert.get("panelURL"), alert.get("dashboardURL"), alert.get("generatorURL")))


def finding_of(alert: Received, lookup: Lookup) -> Finding:
    """The trouble that an alert speaks of."""
    condition = OWN_TROUBLES.get(alert.labels.get("alertname", ""))
    if condition is None:
        return alertmanager.finding_of(alert, lookup)
    rule = alert.labels.get("rulename") or _("a rule")
    if condition == Condition.DATASOURCE_NO_DATA:
        title, words = _("“%(rule)s” gets no data in Grafana"), _("The rule cannot fire while it gets no data.")
    else:
        title, words = _("“%(rule)s” cannot be evaluated in Grafana"), _("The rule cannot fire while it fails.")
    said = alert.annotations.get("Error") or alert.annotations.get("description", "")
    _server, _node, cluster = lookup.things(alert.labels)
    return Finding(
        condition=condition,
        object_key=f"grafana:{clean(rule, 60)}/{alert.labels.get('datasource_uid', '')[:40]}"[:120],
        severity=Severity.WARNING,
        title=(title % {"rule": rule})[:200],
        text=f"{words} {said}".strip()[: LONGEST["text"]],
        since=alert.starts_at,
        cluster=cluster,
        labels={**alert.labels, "condition": condition},
    )
