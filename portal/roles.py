"""The three roles and what each may do. The table is the whole truth: migrations apply it, a test compares it.

A role is a Django group of that name; people get rights by being in a group. Rights that an administrator adds to a
group by hand stay; the table only adds. When a model or a right is new, add it here and add a migration that calls
:func:`apply` again.
"""

from typing import Any, Final

from django.apps import apps as installed_apps

from portal.lib.access import ADMINISTRATOR, OPERATOR, VIEWER

SEEN: Final = {
    "servers": (
        "server",
        "node",
        "storage",
        "cluster",
        "backup",
        "backuprun",
        "statechange",
        "operation",
        "serverrequest",
    ),
    "monitoring": ("incident", "alert", "alertthreshold", "conditionoverride", "review", "servercoverage"),
    "notifications": (
        "alertchannel",
        "notification",
        "delivery",
        "route",
        "silence",
        "maintenance",
        "decision",
    ),
}

VIEWER_MAY: Final[frozenset[str]] = frozenset(
    {f"{app}.view_{model}" for app, models in SEEN.items() for model in models}
)
OPERATOR_MAY: Final[frozenset[str]] = VIEWER_MAY | {
    "servers.change_server",
    "servers.operate_server",
    "servers.configure_server",
    "servers.sync_cluster",
    "monitoring.acknowledge_incident",
    "monitoring.close_incident",
    "monitoring.view_inbound",
    "monitoring.replay_inbound",
    "monitoring.add_review",
    "monitoring.add_conditionoverride",
    "monitoring.change_conditionoverride",
    "monitoring.delete_conditionoverride",
    "notifications.resend_delivery",
    "notifications.dismiss_delivery",
    "notifications.add_silence",
    "notifications.end_silence",
}
ADMINISTRATOR_MAY: Final[frozenset[str]] = OPERATOR_MAY | {
    "servers.provision_server",
    "servers.destroy_server",
    "servers.view_blueprint",
    "servers.add_blueprint",
    "servers.change_blueprint",
    "servers.delete_blueprint",
    "servers.decide_serverrequest",
    "servers.add_cluster",
    "servers.change_cluster",
    "servers.delete_cluster",
    "monitoring.change_alertthreshold",
    "monitoring.view_hooktoken",
    "monitoring.add_hooktoken",
    "monitoring.revoke_hooktoken",
    "notifications.add_alertchannel",
    "notifications.change_alertchannel",
    "notifications.delete_alertchannel",
    "notifications.test_alertchannel",
    "notifications.add_route",
    "notifications.change_route",
    "notifications.delete_route",
    "notifications.add_maintenance",
    "notifications.change_maintenance",
    "notifications.delete_maintenance",
    "auth.view_user",
    "auth.add_user",
    "auth.change_user",
    "auth.delete_user",
    "auth.view_group",
    "auth.add_group",
    "auth.change_group",
    "auth.delete_group",
    "auditlog.view_logentry",
}

ROLES: Final[dict[str, frozenset[str]]] = {
    VIEWER: VIEWER_MAY,
    OPERATOR: OPERATOR_MAY,
    ADMINISTRATOR: ADMINISTRATOR_MAY,
}


def apply() -> None:
    """Make the groups and give them what the table says, for every model that exists by now. Safe to repeat.

    Django makes the permissions after all migrations; a fresh installation needs them within, so they are made here.
    """
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group

    for config in installed_apps.get_app_configs():
        create_permissions(config, verbosity=0)
    for role, rights in ROLES.items():
        group, _made = Group.objects.get_or_create(name=role)
        group.permissions.add(*_permissions(rights))


def _permissions(rights: frozenset[str]) -> list[Any]:
    from django.contrib.auth.models import Permission

    wanted = {tuple(right.split(".", 1)) for right in rights}
    labels = {label for label, _codename in wanted}
    rows = Permission.objects.filter(content_type__app_label__in=labels).select_related("content_type")
    return [row for row in rows if (row.content_type.app_label, row.codename) in wanted]
