"""Which columns the audit trail follows: those that people own. What the sync writes is history, not audit."""

from typing import Any, Final

from auditlog.registry import auditlog
from django.contrib.auth.models import Group, User

from monitoring.models import AlertThreshold, HookToken, Review
from servers.models import Blueprint, Cluster, Server

CLUSTER: Final = [
    "name",
    "endpoints",
    "token_id",
    "token_secret",
    "tls_mode",
    "ca_certificate",
    "fingerprint",
    "enabled",
    "interval",
    "retirements_allowed_until",
]
SERVER: Final = ["owner", "environment", "notes", "expected_state", "exporter_port", "operator_address", "backup_days"]
USER: Final = ["username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser", "password"]


def register() -> None:
    """Tell auditlog what to follow. A changed secret is recorded as changed, without its text."""
    _follow(Cluster, include_fields=CLUSTER, mask_fields=["token_secret"])
    _follow(Server, include_fields=SERVER)
    _follow(Blueprint)
    _follow(AlertThreshold, include_fields=["value", "note"])
    _follow(HookToken, include_fields=["source", "kind", "cluster", "created_by", "expires_at"])
    _follow(Review, exclude_fields=["signed_by"])
    _follow(User, include_fields=USER, mask_fields=["password"], m2m_fields={"groups", "user_permissions"})
    _follow(Group, include_fields=["name"], m2m_fields={"permissions"})


def _follow(model: Any, **options: Any) -> None:
    if not auditlog.contains(model):
        auditlog.register(model, mask_callable="portal.lib.audit.hide", **options)
