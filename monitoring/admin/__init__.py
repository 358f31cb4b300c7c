"""Incidents and thresholds in the admin, and what monitoring adds to the pages of others."""

from monitoring.admin import incidents, sections, thresholds  # noqa: F401  (registering is their import)
