"""Buttons that put off the reminders of an incident: until then it is neither repeated nor escalated."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring.models import Incident
from notifications import snoozed
from portal.lib import clock
from portal.lib.audit import note
from portal.lib.buttons import Confirmation, Outcome, object_button


def _button(hours: int, name: Any, path: str) -> Any:
    def about(incident: Incident) -> Confirmation:
        return Confirmation(
            title=name,
            question=_("Keep “%(title)s” quiet for %(span)s?")
            % {"title": incident.title, "span": clock.span(timedelta(hours=hours))},
            points=[
                _("Until then it is neither repeated nor escalated; then it is said once more."),
                _("Its end is told all the same. Who looks after it acknowledges it instead."),
            ],
            button=name,
        )

    @object_button(permission="acknowledge", description=name, path=path, icon="snooze", confirmation=about)
    def snooze(_admin: Any, request: HttpRequest, incident: Incident) -> Outcome:
        until = clock.now() + timedelta(hours=hours)
        with transaction.atomic():
            if not snoozed(incident.message_id, until, str(request.user)):
                return Outcome(
                    _("There is nothing to keep quiet: it was told to nobody, or it is over."), messages.INFO
                )
            note(incident, {"snoozed_until": ("", str(until))})
        return Outcome(_("“%(title)s” is quiet until then.") % {"title": incident.title})

    return snooze


class SnoozeButtons:
    """For the page of an incident; name them in ``actions_detail``."""

    snooze_hour = _button(1, gettext_lazy("Snooze 1 hour"), "snooze-1")
    snooze_four = _button(4, gettext_lazy("Snooze 4 hours"), "snooze-4")
    snooze_day = _button(24, gettext_lazy("Snooze 1 day"), "snooze-24")
