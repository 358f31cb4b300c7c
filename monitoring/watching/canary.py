"""The canary that does not come from Alertmanager any more: then no alert of Prometheus would."""

from typing import Final

from django.utils.translation import gettext as _

from monitoring import canary
from monitoring.conditions import Finding, Verdict
from monitoring.models import Condition, Severity
from monitoring.watching.looking import Key, Looking
from portal.lib import clock

CONDITIONS: Final = frozenset({Condition.CANARY_STALE})
# The thing that the shipped rule speaks of, too.
PORTAL: Final = "labels:proxmox-manager"


def look(looking: Looking) -> dict[Key, Verdict]:
    """A verdict where it was heard once and is not any more; a portal without Prometheus has never heard it."""
    heard = canary.stages().get("intake")
    if heard is None:
        return {}
    age = looking.moment - heard
    if not looking.threshold(canary.STALE_RULE) < age.total_seconds() < canary.FORGOTTEN_AFTER.total_seconds():
        return {}
    words = _("Alertmanager last sent the canary %(ago)s. Until it comes again, nothing that Prometheus finds reaches "
              "the portal; what the portal sees itself is told as always. Look at Prometheus, Alertmanager and its "
              "token for the portal: the state of the stack says which of them does not answer.")  # fmt: skip
    finding = Finding(
        Condition.CANARY_STALE, PORTAL, Severity.CRITICAL, _("Alerts of Prometheus do not arrive"),
        words % {"ago": clock.ago(heard, reference=looking.moment)}, looking.moment,
    )  # fmt: skip
    return {(finding.condition, PORTAL): finding}
