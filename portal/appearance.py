"""How the admin looks: Unfold's settings. Imported by settings.py, so it may not touch models."""

from collections.abc import Callable
from typing import Any

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _


def asset(name: str) -> Callable[[Any], str]:
    """The address of one of our static files, asked for when a page is drawn."""
    return lambda _request: static(f"portal/{name}")


# A calm blue; white on 600 has a contrast of 5.6 to 1.
PRIMARY = {
    "50": "oklch(97.2% .012 245)",
    "100": "oklch(94.2% .026 245)",
    "200": "oklch(88.9% .052 245)",
    "300": "oklch(81.5% .09 245)",
    "400": "oklch(72% .13 248)",
    "500": "oklch(62.5% .155 252)",
    "600": "oklch(53.5% .165 255)",
    "700": "oklch(47% .15 257)",
    "800": "oklch(40.5% .125 258)",
    "900": "oklch(35.5% .1 259)",
    "950": "oklch(26.5% .075 261)",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Proxmox Manager",
    "SITE_HEADER": "Proxmox Manager",
    "SITE_SUBHEADER": _("Act, measure, hear once"),
    "SITE_URL": None,
    "SITE_ICON": {"light": asset("mark-light.svg"), "dark": asset("mark-dark.svg")},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "sizes": "any", "href": asset("favicon.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "portal.navigation.environment",
    "DASHBOARD_CALLBACK": "portal.dashboard.dashboard",
    "BORDER_RADIUS": "8px",
    "COLORS": {"primary": PRIMARY},
    "STYLES": [asset("portal.css")],
    "SCRIPTS": [asset("portal.js")],
    "LOGIN": {"image": asset("login.svg"), "form": "portal.login.LoginForm"},
    # Unfold's own search over models builds every match; ours stops after a few.
    "COMMAND": {"search_callback": "portal.search.search", "show_history": True},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "portal.navigation.sidebar",
    },
}
