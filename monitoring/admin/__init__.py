"""Incidents, thresholds, coverage and the stack in the admin, and what monitoring adds to the pages of others."""

from monitoring.admin import (  # noqa: F401  (registering is their import)
    coverage,
    exceptions,
    hook_tokens,
    inbound,
    incident_page,
    incidents,
    picking,
    proxmox_history,
    review,
    routing,
    sections,
    thing_panels,
    thresholds,
)
