"""A request for new servers: one or many, by one person, decided by a second one where the blueprint wants it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from portal.lib.encrypted import EncryptedTextField
from servers.models.blueprint import Blueprint
from servers.models.cluster import Cluster


class RequestState(models.TextChoices):
    """What became of a request. How far its servers are is told by their operations."""

    WAITING = "waiting", _("waiting for approval")
    GOING = "going", _("being carried out")
    REJECTED = "rejected", _("rejected")
    CANCELLED = "cancelled", _("cancelled")


class ServerRequest(models.Model):
    """What was asked for. Each server of it becomes an operation when it may begin."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, verbose_name=_("cluster"))
    blueprint = models.ForeignKey(Blueprint, on_delete=models.SET_NULL, null=True, verbose_name=_("blueprint"))
    title = models.CharField(_("servers"), max_length=200)  # the names, as they were asked for
    state = models.CharField(_("state"), max_length=10, choices=RequestState, default=RequestState.GOING)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    requester = models.CharField(_("asked by"), max_length=150, default="")
    requested_at = models.DateTimeField(_("asked"), default=clock.now, db_index=True)
    reason = models.CharField(_("what for"), max_length=300, blank=True, default="")
    # The parameters of each server, until they are operations; what is secret in them is kept apart.
    wanted = models.JSONField(default=list)
    secrets = EncryptedTextField(default="", editable=False)
    count = models.PositiveSmallIntegerField(_("number"), default=1)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("decided by")
    )
    decider = models.CharField(_("decided by"), max_length=150, default="")
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision = models.CharField(_("reason of the decision"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        ordering: ClassVar = ["-requested_at", "-pk"]
        permissions: ClassVar = [("decide_serverrequest", _("Can approve and reject other people's requests"))]

    def __str__(self) -> str:
        return self.title

    def allows(self, action: str) -> bool:
        """What has been decided is not decided again."""
        return action != "decide" or self.state == RequestState.WAITING

    def move(self, new: str, **columns: Any) -> bool:
        """Decide it, unless somebody else has: whether this was the one that did."""
        mine = ServerRequest.objects.filter(pk=self.pk, state=RequestState.WAITING)
        if not mine.update(state=new, decided_at=clock.now(), **columns):
            return False
        self.refresh_from_db()
        return True
