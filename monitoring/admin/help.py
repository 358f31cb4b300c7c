"""The help page: what the portal itself offers, and where the programs of the stack are explained by their makers."""

from dataclasses import dataclass

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from monitoring.models import Review
from portal.lib.access import may


@dataclass(frozen=True)
class Link:
    """An address, its name, and what one finds there."""

    url: str
    title: str
    text: str

    @property
    def outside(self) -> bool:
        """Whether it leads out of the portal."""
        return self.url.startswith("https://")


@dataclass(frozen=True)
class Group:
    """Links about one thing."""

    title: str
    icon: str
    links: list[Link]


def page(request: HttpRequest) -> HttpResponse:
    """The page, for whoever may see the stack."""
    if not may(request.user, "view", Review):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": _("Help and links"),
        "groups": [_here(), _prometheus(), _grafana(), _exporters()],
    }
    return TemplateResponse(request, "monitoring/help.html", context)


def _here() -> Group:
    return Group(_("In the portal"), "home", [
        Link(reverse("admin:monitoring_stack"), _("State of the stack"), _("Whether everything measures and tells.")),
        Link(reverse("admin:monitoring_servercoverage_changelist"), _("Coverage"),
             _("The servers that nobody watches, and what each of them lacks.")),
        Link(reverse("admin:monitoring_alertthreshold_changelist"), _("Thresholds"),
             _("From which number on a rule fires, to be changed here.")),
        Link(reverse("metrics"), _("The portal's metrics"),
             _("What Prometheus reads. From elsewhere than this machine it takes a token.")),
    ])  # fmt: skip


def _prometheus() -> Group:
    return Group(_("Prometheus and Alertmanager"), "query_stats", [
        Link("https://prometheus.io/docs/introduction/overview/", _("Prometheus, the manual"),
             _("How it is set up, how it stores, how it is asked.")),
        Link("https://prometheus.io/docs/prometheus/latest/querying/examples/", _("Examples of queries"),
             _("The shortest way into PromQL.")),
        Link("https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/", _("Alert rules"),
             _("How a rule is written and what its fields mean.")),
        Link("https://prometheus.io/docs/alerting/latest/alertmanager/", _("Alertmanager, the manual"),
             _("Grouping, silences, inhibition, receivers.")),
        Link("https://prometheus.io/community/", _("The community of Prometheus"),
             _("Mailing lists, chat and the place to report a defect.")),
    ])  # fmt: skip


def _grafana() -> Group:
    return Group(_("Grafana"), "monitoring", [
        Link("https://grafana.com/docs/grafana/latest/", _("Grafana, the manual"),
             _("Installing, data sources, users, alerting.")),
        Link("https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/", _("Building dashboards"),
             _("Panels, variables, and how they belong together.")),
        Link("https://grafana.com/grafana/dashboards/", _("The gallery of dashboards"),
             _("Made by others: those for the node exporter and for prometheus-pve-exporter work here.")),
        Link("https://community.grafana.com/", _("The community of Grafana"), _("Questions and answers.")),
    ])  # fmt: skip


def _exporters() -> Group:
    return Group(_("Exporters"), "sensors", [
        Link("https://github.com/prometheus/node_exporter", _("Node exporter"),
             _("What it measures on a Linux machine, and how a part of it is switched on or off.")),
        Link("https://prometheus.io/docs/guides/node-exporter/", _("Node exporter, step by step"),
             _("From installing it to the first query.")),
        Link("https://prometheus.io/docs/instrumenting/exporters/", _("Exporters for other software"),
             _("Databases, web servers, hardware.")),
    ])  # fmt: skip
