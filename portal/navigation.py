"""The sidebar: the pages in the groups that a person thinks in, with counts of what is there and what is open."""

from typing import Any, Final

from django.apps import apps
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from monitoring.models import Incident, Review
from notifications import figures
from portal.lib.access import may
from servers.models import Cluster, Node, Operation, Server

COUNTS_KEY: Final = "portal:sidebar-counts"
COUNTS_SECONDS: Final = 15
# The simulator's cluster, which bin/up adds to an empty portal.
DEMO: Final = "demo"


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's navigation for that person: only what they may look at."""
    counts = _counts()
    groups = [
        _group("", [_front(), _dashboards(request)]),
        _group(_("Servers"), _servers(request, counts)),
        _group(
            _("Backups"),
            [
                _item(request, "servers", "backup", _("Backups"), "inventory_2"),
                _item(request, "servers", "backuprun", _("Backup runs"), "backup"),
            ],
        ),
        _group(_("Alerts"), _alerts(request, counts)),
        _group(_("Notifications"), _telling(request, counts)),
        _group(
            _("Clusters"),
            [_item(request, "servers", "cluster", _("Clusters"), "hub", alarm=counts["clusters_failing"])],
        ),
        _group(_("Monitoring stack"), _stack(request)),
        _group(_("History"), [_item(request, "servers", "statechange", _("Changes"), "history")]),
        _group(
            _("Administration"),
            [
                _item(request, "auth", "user", _("Users"), "person"),
                _item(request, "auth", "group", _("Groups"), "group"),
                _item(request, "auditlog", "logentry", _("Audit trail"), "policy"),
            ],
        ),
    ]
    return [group for group in groups if group["items"]]


def _servers(request: HttpRequest, counts: dict[str, int]) -> list[dict[str, Any] | None]:
    return [
        _item(request, "servers", "server", _("Servers"), "dns", badge=counts["servers"]),
        _item(request, "servers", "node", _("Nodes"), "host", alarm=counts["nodes_down"]),
        _item(request, "servers", "storage", _("Storages"), "hard_drive"),
        _item(request, "servers", "operation", _("Operations"), "bolt", badge=counts["operations"]),
        *_linked(request, "servers", _LATER),
    ]


def _alerts(request: HttpRequest, counts: dict[str, int]) -> list[dict[str, Any] | None]:
    return [
        _item(request, "monitoring", "incident", _("Incidents"), "crisis_alert", alarm=counts["incidents"]),
        *_linked(request, "notifications", _QUIET),
        *_linked(request, "monitoring", _RULES),
    ]


def _telling(request: HttpRequest, counts: dict[str, int]) -> list[dict[str, Any] | None]:
    """Who is told, and what became of it."""
    return [
        *_linked(request, "notifications", _NOTIFICATIONS),
        _item(request, "notifications", "delivery", _("Deliveries"), "send", alarm=counts["deliveries_dead"]),
        *_linked(request, "monitoring", _WEBHOOKS),
    ]


def _stack(request: HttpRequest) -> list[dict[str, Any] | None]:
    """The pages about Prometheus and its neighbours belong to whoever may read the reviews of them."""
    pages = [
        (_("State of the stack"), "monitor_heart", "admin:monitoring_stack"),
        (_("Weekly reviews"), "fact_check", "admin:monitoring_review_changelist"),
        (_("Help and links"), "menu_book", "admin:monitoring_help"),
    ]
    allowed = may(request.user, "view", Review)
    links = [reverse(name) for _title, _icon, name in pages]
    # The longest of them that the page's address begins with: two of these lie below the third.
    here = max((link for link in links if request.path.startswith(link)), key=len, default="")
    first, *others = [
        {"title": title, "icon": icon, "link": link, "active": link == here}
        for (title, icon, _name), link in zip(pages, links, strict=True)
    ]
    coverage = _item(request, "monitoring", "servercoverage", _("Coverage"), "radar")
    return [first, coverage, *others] if allowed else [coverage]


def environment(_request: HttpRequest) -> list[Any] | None:
    """The label in the header while nothing but the demo was ever read."""
    return [_("Demo"), "warning"] if _counts()["demo_only"] else None


# Pages that other parts of the portal bring: they appear as soon as their models have an admin.
_LATER: Final = [
    ("serverrequest", gettext_noop("Requests"), "playlist_add"),
    ("blueprint", gettext_noop("Blueprints"), "architecture"),
]
_RULES: Final = [
    ("alertthreshold", gettext_noop("Thresholds"), "tune"),
    ("conditionoverride", gettext_noop("Exceptions"), "rule_settings"),
]
_WEBHOOKS: Final = [
    ("inbound", gettext_noop("Inbound messages"), "call_received"),
    ("hooktoken", gettext_noop("Webhook tokens"), "key"),
]
_QUIET: Final = [
    ("silence", gettext_noop("Silences"), "notifications_paused"),
    ("maintenance", gettext_noop("Maintenance"), "construction"),
]
_NOTIFICATIONS: Final = [
    ("alertchannel", gettext_noop("Channels"), "campaign"),
    ("route", gettext_noop("Routes"), "alt_route"),
    ("notification", gettext_noop("Messages"), "mail"),
    ("decision", gettext_noop("Decisions"), "rule"),
]


def _linked(request: HttpRequest, app: str, pages: list[tuple[str, str, str]]) -> list[dict[str, Any] | None]:
    return [_item(request, app, name, _(title), icon) for name, title, icon in pages]


def _group(title: str, items: list[dict[str, Any] | None]) -> dict[str, Any]:
    return {"title": title, "separator": False, "items": [item for item in items if item]}


def _front() -> dict[str, Any]:
    return {"title": _("Overview"), "icon": "space_dashboard", "link": reverse("admin:index")}


def _dashboards(request: HttpRequest) -> dict[str, Any]:
    """For every member of staff: whoever sees the sidebar."""
    link = reverse("dashboards")
    return {"title": _("Dashboards"), "icon": "monitoring", "link": link, "active": request.path.startswith(link)}


def _item(  # noqa: PLR0913  (a row of the sidebar is that wide)
    request: HttpRequest, app: str, model: str, title: str, icon: str, *, badge: int = 0, alarm: int = 0
) -> dict[str, Any] | None:
    """One link, or None where there is no such page yet or the person may not look at it."""
    try:
        found = apps.get_model(app, model)
        url = reverse(f"admin:{app}_{model}_changelist")
    except (LookupError, NoReverseMatch):
        return None
    if not may(request.user, "view", found):
        return None
    item: dict[str, Any] = {"title": title, "icon": icon, "link": url}
    if alarm:
        item.update(badge=str(alarm), badge_variant="danger", badge_style="solid")
    elif badge:
        item.update(badge=str(badge), badge_variant="primary")
    return item


def _counts() -> dict[str, int]:
    """What the sidebar counts, kept for a few seconds: it is drawn on every page."""
    counts: dict[str, int] | None = cache.get(COUNTS_KEY)
    if counts is None:
        names = list(Cluster.objects.values_list("name", "failing_since", "enabled", "last_success_at"))
        counts = {
            "servers": Server.objects.filter(retired_at=None, template=False).count(),
            "nodes_down": Node.objects.filter(retired_at=None, status="offline").count(),
            "operations": Operation.objects.filter(state__in=Operation.ACTIVE).count(),
            "incidents": Incident.objects.filter(closed_at=None).count(),
            "deliveries_dead": figures().queue.get("dead", 0),
            "clusters_failing": sum(1 for _name, failing, enabled, _success in names if failing and enabled),
            # All that is shown is simulated until another cluster was read once.
            "demo_only": int(
                {name for name, _failing, _enabled, success in names if success or name == DEMO} == {DEMO}
            ),
        }
        cache.set(COUNTS_KEY, counts, COUNTS_SECONDS)
    return counts
