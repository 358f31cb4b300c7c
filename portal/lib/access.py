"""Who may see or do what: the one function that every page, action and command asks."""

from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model

VIEWER: Final = "viewer"
OPERATOR: Final = "operator"
ADMINISTRATOR: Final = "administrator"


def is_staff(user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Whether that person is an active member of staff: who is may look at the dashboards, in either renderer."""
    return user is not None and user.is_authenticated and user.is_active and bool(getattr(user, "is_staff", False))


def may(user: AbstractBaseUser | AnonymousUser | None, action: str, subject: Model | type[Model]) -> bool:
    """Whether that person may do that to that object, or to objects of that class.

    ``action`` is one of Django's (view, add, change, delete) or one that the model declares in
    ``Meta.permissions`` (``sync`` on a cluster, ``operate`` on a server …). Only active members of staff may do
    anything. A model narrows it per object with a method ``allows(action)``: a retired server, for one, cannot be
    operated by anybody.
    """
    if not is_staff(user):
        return False
    meta = subject._meta
    permission = f"{meta.app_label}.{action}_{meta.model_name}"
    person: Any = user
    if not person.has_perm(permission):
        return False
    narrows = getattr(subject, "allows", None) if isinstance(subject, Model) else None
    return narrows(action) if narrows else True
