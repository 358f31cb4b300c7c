"""The portal as a listener to Proxmox's notifications: where it listens, in which form, and with whose token."""

import hashlib
from typing import Final

from django.conf import settings
from django.urls import reverse

from monitoring import hook_tokens
from monitoring.models import HookToken, Source, TokenKind
from monitoring.proxmox_events import BODY
from portal.lib import clock
from portal.lib.subscriptions import Target
from servers.models import Cluster

PREFIX: Final = "proxmox-manager"


class ProxmoxListener:
    """See ``portal.lib.subscriptions.Listener``."""

    def name(self) -> str:
        """Several portals may listen to one cluster: the name holds a mark of this one's address."""
        return f"{PREFIX}-{hashlib.sha256(settings.PORTAL_URL.encode()).hexdigest()[:8]}"

    def address(self) -> str:
        """The webhook."""
        return f"{settings.PORTAL_URL}{reverse('hook-proxmox')}"

    def listens(self, subject: Cluster) -> bool:
        """Whether a token of that cluster is taken now."""
        return HookToken.objects.filter(HookToken.living(clock.now()), source=Source.PROXMOX, cluster=subject).exists()

    def offer(self, subject: Cluster, by: str) -> Target:
        """A new token beside the old ones."""
        _row, token = hook_tokens.issue(Source.PROXMOX, cluster=subject, by=by, keep=None)
        return Target(self.name(), self.address(), token, BODY, f"Proxmox Manager at {settings.PORTAL_URL}")

    def accepted(self, subject: Cluster, target: Target) -> None:
        """The old ones end after the overlap."""
        mine = HookToken.objects.get(digest=hook_tokens.digest(target.token))
        moment = clock.now() + hook_tokens.overlap()
        hook_tokens.end_others(Source.PROXMOX, TokenKind.BEARER, cluster=subject, moment=moment, but=mine)

    def declined(self, subject: Cluster, target: Target) -> None:
        """The new one ends after the overlap: Proxmox may have taken it before it failed."""
        moment = clock.now() + hook_tokens.overlap()
        HookToken.objects.filter(digest=hook_tokens.digest(target.token)).update(expires_at=moment)

    def ended(self, subject: Cluster) -> None:
        """All end now."""
        hook_tokens.end_others(Source.PROXMOX, TokenKind.BEARER, cluster=subject, moment=clock.now())
