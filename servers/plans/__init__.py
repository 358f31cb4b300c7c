"""How each action is carried out: a plan of stages, one call to Proxmox each. A further action is one more entry."""

from collections.abc import Mapping
from typing import Final

from servers.plans import configuring, create, moving, power, removing, saving, snapshots
from servers.plans.base import Plan, Stage

PLANS: Final[Mapping[str, Plan]] = {
    plan.action: plan
    for part in (power, configuring, snapshots, saving, moving, removing, create)
    for plan in part.PLANS
}  # fmt: skip

__all__ = ["PLANS", "Plan", "Stage", "plan_of"]


def plan_of(action: str) -> Plan:
    """The plan of that action. Raises KeyError for an action that nothing is planned for."""
    return PLANS[action]
