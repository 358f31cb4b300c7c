"""What stands above every list: saved views, and the list as a file."""

from typing import Any

from django import template

from portal import savedviews
from portal.lib.export import FORMATS

register = template.Library()


@register.inclusion_tag("portal/chips.html", takes_context=True)
def list_chips(context: dict[str, Any], changelist: Any) -> dict[str, Any]:
    """The chips of a list."""
    request = context["request"]
    exports = FORMATS if getattr(changelist.model_admin, "export_columns", None) else ()
    query = savedviews.clean_query(request.META.get("QUERY_STRING", ""))
    return {
        "chips": savedviews.chips(request, changelist.model),
        "save_url": savedviews.save_url(request, changelist.model),
        "files": [(kind.upper(), f"export/{kind}/?{query}" if query else f"export/{kind}/") for kind in exports],
    }
