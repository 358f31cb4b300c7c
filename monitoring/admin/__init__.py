"""Incidents, thresholds, coverage and the stack in the admin, and what monitoring adds to the pages of others."""

from monitoring.admin import coverage, incidents, review, sections, thresholds  # noqa: F401  (registering is their import)
