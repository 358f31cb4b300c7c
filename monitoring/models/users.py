"""What monitoring keeps for itself."""

from django.conf import settings
from django.db import models

from portal.lib import clock


class ActiveUser(models.Model):
    """When a person last sent a request, to the minute."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    last_seen = models.DateTimeField(default=clock.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.user_id} {self.last_seen:%Y-%m-%d %H:%M}"
