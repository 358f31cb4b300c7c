"""Where channels may call: everywhere but inside, except for what the administrator lists."""

from django.conf import settings

from portal.lib.addresses import AddressGuard


def address_guard() -> AddressGuard:
    """The guard, with the list PORTAL_ALLOWED_INTERNAL."""
    return AddressGuard(settings.PORTAL_ALLOWED_INTERNAL)
