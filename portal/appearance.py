"""How the admin looks: Unfold's settings. Imported by settings.py, so it may not touch models."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Proxmox Manager",
    "SITE_HEADER": "Proxmox Manager",
    "SITE_SYMBOL": "dns",
}
