"""The buttons of a cluster's page about Proxmox's own notifications."""

from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.lib import audit, subscriptions
from portal.lib.addresses import is_loopback
from portal.lib.buttons import Confirmation, Outcome, object_button
from servers import notifying
from servers.models import Cluster
from servers.notifying import NotPossible

# One entry for both: the buttons of a cluster's page have little room.
NOTIFYING: Final[dict[str, Any]] = {
    "title": gettext_lazy("Proxmox's notifications"),
    "icon": "notifications",
    "items": ["send_notifications", "stop_notifications"],
}


def _about_registering(cluster: Cluster) -> Confirmation:
    listener = subscriptions.listener()
    address = listener.address() if listener else ""
    points = [
        _("In Proxmox a notification target “%(name)s” is made, with a matcher that lets everything through to it.")
        % {"name": listener.name() if listener else ""},
        _("Its nodes send to %(address)s: failed backups, fencing, failed replication, updates, mail to root.")
        % {"address": address},
        _("Your other targets and matchers stay as they are. Proxmox sends a test at once."),
    ]
    if is_loopback(urlsplit(address).hostname or ""):
        points.append(
            _("That address is of this machine alone: nodes elsewhere do not reach it. Set PORTAL_URL first.")
        )
    return Confirmation(
        title=_("Send Proxmox's notifications here"),
        question=_("Let “%(name)s” tell the portal what it notices?") % {"name": cluster},
        points=points,
        button=_("Register"),
    )


def _about_removing(cluster: Cluster) -> Confirmation:
    return Confirmation(
        title=_("Stop sending"),
        question=_("Take the portal out of the notification targets of “%(name)s”?") % {"name": cluster},
        points=[
            _("Its target and its matcher are removed in Proxmox, and its token is refused from then on."),
            _("What the sync sees is told all the same."),
        ],
        button=_("Stop sending"),
        danger=True,
    )


class NotifyingButtons:
    """For the admin of clusters: register the portal as notification target, and remove it."""

    def has_notify_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The first button: whoever may edit the cluster, where somebody listens."""
        admin: Any = self
        return subscriptions.listener() is not None and bool(admin.allows(request, "change", obj))

    def has_unnotify_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The second one: where a token of that cluster is taken."""
        admin: Any = self
        cluster = obj if isinstance(obj, Cluster) or obj is None else admin.object_once(request, str(obj))
        listener = subscriptions.listener()
        return bool(listener and cluster and listener.listens(cluster) and admin.allows(request, "change", cluster))

    @object_button(
        permission="change",
        description=gettext_lazy("Send them here"),
        path="send-notifications",
        icon="notifications_active",
        confirmation=_about_registering,
    )
    def send_notifications(self, request: HttpRequest, cluster: Cluster) -> Outcome:
        """Register, and say whether a test arrived."""
        listener, person = subscriptions.listener(), request.user
        if listener is None:
            return Outcome(_("Nobody listens here."), messages.ERROR)
        try:
            done = notifying.register(cluster, listener, person.get_username())
        except NotPossible as error:
            return Outcome(f"{error.sentence} {error.hint}".strip(), messages.ERROR)
        _note(self, request, cluster, _("Registered %(url)s for Proxmox's notifications.") % {"url": done.url})
        if done.trouble:
            words = _("“%(name)s” will send its notifications here, but its test did not arrive. %(trouble)s Check "
                      "that its nodes reach %(url)s and trust its certificate.")  # fmt: skip
            facts = {"name": cluster, "trouble": done.trouble, "url": done.url}
            return Outcome(words % facts, messages.WARNING)
        return Outcome(_("“%(name)s” sends its notifications here now; its test arrived.") % {"name": cluster})

    send_notifications.allowed_permissions = ["notify"]

    @object_button(
        permission="change",
        description=gettext_lazy("Stop sending"),
        path="stop-notifications",
        icon="notifications_off",
        confirmation=_about_removing,
    )
    def stop_notifications(self, request: HttpRequest, cluster: Cluster) -> Outcome:
        """Take both away."""
        listener = subscriptions.listener()
        if listener is None:
            return Outcome(_("Nobody listens here."), messages.ERROR)
        try:
            found = notifying.remove(cluster, listener)
        except NotPossible as error:
            return Outcome(f"{error.sentence} {error.hint}".strip(), messages.ERROR)
        _note(self, request, cluster, _("Removed the portal from Proxmox's notification targets."))
        if not found:
            return Outcome(_("“%(name)s” had no such target any more.") % {"name": cluster}, messages.INFO)
        return Outcome(_("“%(name)s” sends nothing here any more.") % {"name": cluster})

    stop_notifications.allowed_permissions = ["unnotify"]


def _note(admin: Any, request: HttpRequest, cluster: Cluster, sentence: str) -> None:
    admin.log_change(request, cluster, sentence)
    audit.note(cluster, {"notifications": ("", sentence)})
