"""Incidents in the admin, and what monitoring adds to the pages of others."""

from monitoring.admin import incidents, sections  # noqa: F401  (registering is their import)
