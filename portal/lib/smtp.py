"""The mail server, from the environment: PORTAL_EMAIL_URL in one line, or PORTAL_SMTP_… one by one."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from portal.lib.environment import Environment

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
SCHEMES: Final = {
    "smtp+starttls": "starttls",
    "smtp+tls": "starttls",
    "smtps": "tls",
    "smtp+ssl": "tls",
    "smtp": "none",
}


@dataclass(frozen=True, repr=False)
class Smtp:
    """How to reach the mail server; ``host`` is empty where there is none. ``encryption``: starttls, tls or none."""

    host: str
    port: int
    user: str
    password: str
    encryption: str
    sender: str


def smtp_settings(env: Environment) -> Smtp:
    """What the environment says. Raises ImproperlyConfigured."""
    url, host = env.secret("PORTAL_EMAIL_URL"), env.text("PORTAL_SMTP_HOST", "")
    if url and host:
        raise ImproperlyConfigured("Both PORTAL_EMAIL_URL and PORTAL_SMTP_HOST are set: keep one of them.")
    if url:
        return _from_url(url, _sender(env, ""))
    encryption = env.text("PORTAL_SMTP_TLS", "starttls")
    if encryption not in PORTS:
        raise ImproperlyConfigured(f"PORTAL_SMTP_TLS is {encryption!r}: write starttls, tls or none.")
    user = env.text("PORTAL_SMTP_USER", "")
    return Smtp(
        host=host,
        port=env.integer("PORTAL_SMTP_PORT", PORTS[encryption], minimum=1, maximum=65535),
        user=user,
        password=env.secret("PORTAL_SMTP_PASSWORD"),
        encryption=encryption,
        sender=_sender(env, user),
    )


def mail_addresses(env: Environment, name: str) -> list[str]:
    """Addresses separated by commas. Raises ImproperlyConfigured."""
    found = env.words(name, [])
    for address in found:
        if "@" not in address.strip("@") or any(ord(sign) <= 32 for sign in address):
            raise ImproperlyConfigured(
                f"{name} has {address!r}, which is no address: write addresses such as ops@example.org, separated by "
                "commas."
            )
    return found


def _sender(env: Environment, user: str) -> str:
    sender = env.text("PORTAL_SMTP_FROM", "") or (user if "@" in user else "proxmox-manager@localhost")
    if "@" not in sender or any(ord(sign) < 32 for sign in sender):
        raise ImproperlyConfigured("PORTAL_SMTP_FROM is no address: write one such as portal@example.org.")
    return sender


def _from_url(url: str, sender: str) -> Smtp:
    form = "write smtp+starttls://USER:PASSWORD@HOST:587 (or smtps://…:465, or smtp://…:25 without encryption)."
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ImproperlyConfigured(f"PORTAL_EMAIL_URL cannot be read: {form}") from None
    if parts.scheme not in SCHEMES or not host:
        raise ImproperlyConfigured(f"PORTAL_EMAIL_URL names no mail server: {form}")
    encryption = SCHEMES[parts.scheme]
    user = unquote(parts.username or "")
    if "@" in user and sender.endswith("@localhost"):
        sender = user
    return Smtp(host, port or PORTS[encryption], user, unquote(parts.password or ""), encryption, sender)
