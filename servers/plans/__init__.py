"""How each action is carried out: a plan of stages, one call to Proxmox each. A further action is one more entry."""

from collections.abc import Mapping
from typing import Final

from servers.plans import power
from servers.plans.base import Plan, Stage

PLANS: Final[Mapping[str, Plan]] = {plan.action: plan for plan in power.PLANS}

__all__ = ["PLANS", "Plan", "Stage", "plan_of"]


def plan_of(action: str) -> Plan:
    """The plan of that action. Raises KeyError for an action that nothing is planned for."""
    return PLANS[action]
