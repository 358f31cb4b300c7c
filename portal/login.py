"""Logging in, with a limit on wrong passwords: per name and address, and per address whatever the name.

The counts live in the cache and end by themselves. Somebody else's guessing from elsewhere does not keep a person out;
without a cache nobody is kept out, and the log says so.
"""

import logging
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from redis.exceptions import RedisError
from unfold.forms import AuthenticationForm

logger = logging.getLogger(__name__)
WAIT_SECONDS: Final = 300
OF_A_NAME: Final = 5
OF_AN_ADDRESS: Final = 30


class LoginForm(AuthenticationForm):
    """The log-in form. A password that comes while one has to wait is not looked at."""

    def clean(self) -> dict[str, Any]:
        """The person, or a sentence that says what to do."""
        name = str(self.cleaned_data.get("username", "")).strip().lower()
        limits = _limits(self.request, name)
        if any(cache.get(key, 0) >= most for key, most in limits.items()):
            raise ValidationError(
                _("Too many wrong passwords: wait %(minutes)d minutes, then try again.")
                % {"minutes": WAIT_SECONDS // 60},
                code="throttled",
            )
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            for key in limits:
                _count(key)
            raise
        cache.set(next(iter(limits)), 0, WAIT_SECONDS)
        return cleaned


def _limits(request: HttpRequest | None, name: str) -> dict[str, int]:
    """Key of a count → how many are allowed; that of the name first."""
    address = address_of(request)
    return {_key(f"{name} {address}"): OF_A_NAME, _key(address): OF_AN_ADDRESS}


def address_of(request: HttpRequest | None) -> str:
    """Who asks: the last address that our own proxy wrote down, else the connection's. An IPv6 network counts as one.

    Only with ``PORTAL_BEHIND_PROXY`` is the header believed: anybody can send one.
    """
    meta = request.META if request else {}
    found = str(meta.get("REMOTE_ADDR", ""))
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        found = str(meta.get("HTTP_X_FORWARDED_FOR", found)).rpartition(",")[2].strip() or found
    try:
        address = ip_address(found)
    except ValueError:
        return "unknown"
    return str(address) if address.version == 4 else ":".join(address.exploded.split(":")[:4])


def _key(text: str) -> str:
    return f"portal:login:{sha256(text.encode()).hexdigest()[:32]}"


def _count(key: str) -> None:
    try:
        cache.add(key, 0, WAIT_SECONDS)
        cache.incr(key)
    except (ValueError, RedisError):
        logger.warning("A wrong password was not counted: the cache is away or has just forgotten it.")
