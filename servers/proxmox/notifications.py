"""Proxmox VE's notification system, as far as the portal is a part of it: one webhook target and one matcher.

Facts: https://pve.proxmox.com/wiki/Notifications and the API's schema. Webhook targets came with 8.3. Values of headers
and secrets and the body are base64; a secret is written and never read. A missing target or matcher is a 404. All names
share one space. A target that a matcher names cannot be removed.
"""

from base64 import b64encode
from typing import Any, Final

from portal.lib.subscriptions import Target
from servers.proxmox.errors import Refused
from servers.proxmox.gateway import Gateway, segment

ENDPOINTS: Final = "cluster/notifications/endpoints/webhook"
MATCHERS: Final = "cluster/notifications/matchers"
FIRST_VERSION: Final = (8, 3)
NOT_FOUND: Final = 404


def put_target(gateway: Gateway, target: Target) -> None:
    """Make the target, or bring it into this form. May be repeated. Raises ProxmoxError."""
    values: dict[str, Any] = {
        "url": target.url, "method": "post", "body": _coded(target.body), "comment": target.comment, "disable": 0,
        "header": [_pair("Content-Type", "application/json"), _pair("Authorization", "Bearer {{ secrets.token }}")],
        "secret": [_pair("token", target.token)],
    }  # fmt: skip
    if has_target(gateway, target.name):
        gateway.put(f"{ENDPOINTS}/{segment(target.name)}", **values)
    else:
        gateway.post(ENDPOINTS, name=target.name, **values)


def put_matcher(gateway: Gateway, name: str, target: str, comment: str) -> None:
    """Make the matcher that lets everything through to the target, or bring it into this form. Raises ProxmoxError."""
    if _exists(gateway, f"{MATCHERS}/{segment(name)}"):
        gateway.put(f"{MATCHERS}/{segment(name)}", target=[target], comment=comment, disable=0)
    else:
        gateway.post(MATCHERS, name=name, target=[target], comment=comment)


def has_target(gateway: Gateway, name: str) -> bool:
    """Whether there is such a target. Raises ProxmoxError."""
    return _exists(gateway, f"{ENDPOINTS}/{segment(name)}")


def send_test(gateway: Gateway, name: str) -> None:
    """Have Proxmox send a test to the target; it waits for the answer. Raises Refused in its words where none came."""
    gateway.post(f"cluster/notifications/targets/{segment(name)}/test", slow=True)


def remove(gateway: Gateway, target: str, matcher: str) -> bool:
    """Take both away. False if the target was not there. May be repeated. Raises ProxmoxError."""
    _delete(gateway, f"{MATCHERS}/{segment(matcher)}")
    return _delete(gateway, f"{ENDPOINTS}/{segment(target)}")


def _exists(gateway: Gateway, path: str) -> bool:
    try:
        gateway.get(path)
    except Refused as error:
        if error.status == NOT_FOUND:
            return False
        raise
    return True


def _delete(gateway: Gateway, path: str) -> bool:
    try:
        gateway.delete(path)
    except Refused as error:
        if error.status == NOT_FOUND:
            return False
        raise
    return True


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def _pair(name: str, text: str) -> str:
    return f"name={name},value={_coded(text)}"
