"""Who a person of the portal is to Grafana: a login of its own kind, a role, and the headers that say so.

Grafana finds its users by login, whatever its case, and takes a login with an ``@`` for a mail address. So no name of
the portal is used as it is: with a prefix, a portal's ``admin`` is never Grafana's own one, and whatever is not a small
letter, a digit, a dot, a dash or an underscore is replaced, with the person's key behind it to keep two people apart.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from monitoring.grafana import keys
from portal.lib.access import ADMINISTRATOR, OPERATOR

PREFIX: Final = "portal."
PLAIN: Final = re.compile(r"[a-z0-9._-]{1,80}")
OTHERS: Final = re.compile(r"[^a-z0-9._-]+")
LONGEST: Final = 60
# Grafana's role of whoever is in one of our groups; of everybody else it is the last. None is Grafana's server admin.
ROLES: Final = ((ADMINISTRATOR, "Admin"), (OPERATOR, "Editor"))
VIEWER: Final = "Viewer"
USER_HEADER: Final = "X-WEBAUTH-USER"
ROLE_HEADER: Final = "X-WEBAUTH-ROLE"
TOKEN_HEADER: Final = "X-Portal-JWT"  # noqa: S105  (a header's name)
JWT: Final = "jwt"


@dataclass(frozen=True)
class Identity:
    """A person as Grafana knows them. ``login`` and ``role`` are ASCII; ``name`` is what people call them."""

    subject: str
    login: str
    role: str
    name: str

    def headers(self) -> dict[str, str]:
        """What Grafana is told, in the way that the settings name. Raises keys.NoKey."""
        if settings.PORTAL_GRAFANA_IDENTITY == JWT:
            return {TOKEN_HEADER: self.token()}
        return {USER_HEADER: self.login, ROLE_HEADER: self.role}

    def token(self) -> str:
        """The same, signed, for two minutes. Raises keys.NoKey."""
        return keys.sign({"sub": self.subject, "login": self.login, "role": self.role, "name": self.name})


def identity_of(user: Any) -> Identity:
    """That member of staff."""
    name = user.get_full_name() or user.get_username()
    return Identity(f"portal:{user.pk}", login_of(user.get_username(), user.pk), role_of(user), name)


def login_of(username: str, key: int) -> str:
    """Their login at Grafana: ASCII, never the name of somebody whom Grafana knows by itself, never two people's."""
    if PLAIN.fullmatch(username):
        return f"{PREFIX}{username}"
    return f"{PREFIX}{OTHERS.sub('-', username.lower()).strip('-')[:LONGEST]}~{key}"


def role_of(user: Any) -> str:
    """Grafana's role of that person, from our groups: the highest of them."""
    if user.is_superuser:
        return ROLES[0][1]
    groups = set(user.groups.values_list("name", flat=True))
    return next((role for group, role in ROLES if group in groups), VIEWER)
