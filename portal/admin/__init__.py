"""The admin pages of the portal itself: people, their groups, and the audit trail."""

from portal.admin import audit, people  # noqa: F401
