"""A new server: a free id, a clone (or a container, or a backup), its configuration, its first start, its address.

Proxmox reserves no id, and an answer may be lost on its way. So whatever is made carries a mark of ours in its notes
until it is ready: by it a guest is known as ours or as somebody else's, and nothing else is ever touched. If a stage
fails, what was made by then is removed by further stages of the same operation.
"""

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from servers import leftovers
from servers.models import Action, Operation, ServerStatus
from servers.plans.base import Plan
from servers.plans.creating.clearing import CLEANUP
from servers.plans.creating.finishing import Register, SignOff, WaitForAddress
from servers.plans.creating.fitting import AddDisk, Configure, FirstStart, Grow
from servers.plans.creating.making import Make, Reserve

STAGES: Final = (
    Reserve(), Make(), Configure(), Grow(), AddDisk(), FirstStart(), SignOff(), Register(), WaitForAddress(),
)  # fmt: skip
GIVEN_UP: Final = gettext_noop("Remove it yourself: what is locked has to be unlocked on its node first (qm unlock).")
TITLE: Final = gettext_noop("Create")


def _intent(operation: Operation) -> str:
    return ServerStatus.RUNNING if operation.parameters.get("start", True) else ServerStatus.STOPPED


def _ending(operation: Operation, words: str, left: str) -> str:
    """The failure, and what was cleaned up or is left."""
    facts: dict[str, Any] = {
        "vmid": operation.vmid,
        "node": operation.kept.get("at") or operation.parameters.get("node"),
    }
    if left:
        sentence = _("It could not be removed: guest %(vmid)s on node %(node)s is left (%(why)s).")
        again = int(operation.kept.get("tries", 0)) < leftovers.TRIES
        advice = _("That is tried again by itself when the node is there.") if again else _(GIVEN_UP)
        return f"{words} {sentence % (facts | {'why': left})} {advice}"
    cleaned = operation.kept.get("cleaned", "")
    if cleaned == "removed":
        sentence = _("What had been made of it (guest %(vmid)s) was removed.")
    elif cleaned == "foreign":
        sentence = _("Guest %(vmid)s is somebody else’s and was not touched.")
    else:
        sentence = _("Nothing of it is left in Proxmox.")
    return f"{words} {sentence % facts}"


PLANS: Final = (
    Plan(
        Action.CREATE, STAGES, right="provision", takes_down=lambda _operation: True, intent=_intent, cleanup=CLEANUP,
        ending=_ending,
    ),
)  # fmt: skip
