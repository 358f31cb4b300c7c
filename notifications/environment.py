"""The first webhook channel, from PORTAL_WEBHOOK_URL or WEBHOOK_URL: what a script's users have already."""

from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from notifications import channels
from notifications.models import AlertChannel

VARIABLE: Final = "WEBHOOK_URL"
EDITED: Final = f"{VARIABLE}, edited"
NAME: Final = "Webhook"


def ensure_environment_channel() -> str:
    """Make the channel, or bring it up to the variable. One that somebody edited by hand is left alone, and so is the
    channel when the variable is gone. Returns what was done: made, changed, kept, edited or none.

    Raises ValidationError with a sentence if the variable holds no address that may be called.
    """
    url = settings.PORTAL_WEBHOOK_URL
    if not url:
        return "none"
    address = next(field for field in channels.get("webhook").fields if field.name == "url").clean(url)
    with transaction.atomic():
        channel = AlertChannel.objects.filter(kind="webhook", managed_by=VARIABLE).first()
        if channel is None:
            return _make(address)
        if channel.kept_secrets().get("url") == address:
            return "kept"
        channel.keep({"url": address})
        channel.save(update_fields=["secrets"])
    return "changed"


def _make(address: str) -> str:
    """One that was edited by hand is the operator's now, and so is another one of the same name."""
    if AlertChannel.objects.filter(Q(name=NAME) | Q(managed_by=EDITED)).exists():
        return "edited"
    channel = AlertChannel(name=NAME, kind="webhook", managed_by=VARIABLE)
    channel.keep({"url": address})
    channel.save()
    return "made"


def sentence_of(error: ValidationError) -> str:
    """What is wrong with the variable, with its name."""
    return f"{VARIABLE}: {' '.join(error.messages)}"
