"""What people keep in the portal about the portal itself."""

from typing import ClassVar, Final

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock

QUERY_LENGTH: Final = 1000


class SavedView(models.Model):
    """A list with its filters, search and order, under a name. Its owner sees it, and everybody if it is shared."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, verbose_name=_("owner"))
    page = models.CharField(_("list"), max_length=100)  # app_label.model_name
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(_("filters"), max_length=QUERY_LENGTH)
    shared = models.BooleanField(_("for everybody"), default=False)
    created_at = models.DateTimeField(_("made"), default=clock.now)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "page", "name"], name="one_saved_view_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name
