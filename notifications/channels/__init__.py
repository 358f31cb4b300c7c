"""The kinds of channels: short name to dotted path, imported on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from notifications.channels.base import Channel

KINDS: Final = {
    "email": "notifications.channels.email.Email",
    "slack": "notifications.channels.slack.Slack",
    "webhook": "notifications.channels.webhook.Webhook",
    "teams": "notifications.channels.teams.Teams",
    "alertmanager": "notifications.channels.alertmanager.Alertmanager",
    "apprise": "notifications.channels.apprise.Apprise",
}
# Not offered: the portal's own.
BUILT_IN: Final = {"null": "notifications.channels.null.Null"}


def get(kind: str) -> "type[Channel]":
    """The class of that kind. Raises LookupError for a kind that there is not."""
    module, name = {**KINDS, **BUILT_IN}[kind].rsplit(".", 1)
    found: type[Channel] = getattr(import_module(module), name)
    return found


def every() -> "dict[str, type[Channel]]":
    """All kinds that are offered, in that order."""
    return {kind: get(kind) for kind in KINDS}
