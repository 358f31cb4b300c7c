"""What a channel wants to know from the operator. From these declarations follow form, masking and validation."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from notifications.channels.guard import address_guard
from notifications.channels.templating import TemplateFailed, compiled
from portal.lib.addresses import AddressRefused

HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "idempotency-key"}
    | {"x-portal-timestamp", "x-portal-signature", "expect", "te", "upgrade"}
)


@dataclass(frozen=True)
class Field:
    """One line of text. A secret one is encrypted at rest, typed into a password input and never rendered back."""

    name: str
    label: Any
    help: Any = ""
    required: bool = True
    secret: bool = False
    placeholder: str = ""
    rows = 1

    def clean(self, text: str) -> Any:
        """The value to keep. Raises ValidationError with a sentence for the person who typed it."""
        if any(not sign.isprintable() for sign in text):
            raise ValidationError(_("This holds characters that cannot be printed: type it again."))
        return text

    def as_text(self, value: Any) -> str:
        """The value as the form shows it."""
        return str(value or "")


class TextField(Field):
    """Several lines of text."""

    rows = 8

    def clean(self, text: str) -> str:
        """The text. Raises ValidationError."""
        lines = [Field.clean(self, line.replace("\t", "    ")) for line in text.splitlines()]
        return "\n".join(lines)


class TemplateField(TextField):
    """A template of a body."""

    def clean(self, text: str) -> str:
        """The template. Raises ValidationError where it is not well formed."""
        text = super().clean(text)
        try:
            compiled(text)
        except TemplateFailed as error:
            raise ValidationError(str(error)) from None
        return text


class HeadersField(TextField):
    """Headers of a request, one on each line."""

    rows = 3

    def clean(self, text: str) -> str:
        """The headers as they were typed. Raises ValidationError that names the line which is none."""
        lines = [line.strip() for line in super().clean(text).splitlines() if line.strip()]
        for number, line in enumerate(lines, 1):
            name, colon, value = line.partition(":")
            if not colon or not HEADER.fullmatch(name) or not value.strip().isascii():
                # The line itself may be a secret.
                raise ValidationError(_("Line %(number)d is no header: write NAME: value.") % {"number": number})
            if name.lower() in OWN_HEADERS:
                raise ValidationError(_("%(name)s is set by the portal itself: leave it out.") % {"name": name})
        return "\n".join(lines)


def headers_from(text: str) -> dict[str, str]:
    """The headers that a HeadersField kept."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _colon, value in pairs}


class UrlField(Field):
    """An http or https address that outgoing calls may reach."""

    def clean(self, text: str) -> str:
        """The address. Raises ValidationError."""
        try:
            parts = urlsplit(super().clean(text))
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ValidationError(_("This is no address: write one such as https://hooks.example.org/path.")) from None
        if parts.scheme not in {"http", "https"} or not host or " " in text:
            raise ValidationError(_("This is no address: write one such as https://hooks.example.org/path."))
        if parts.username is not None:
            raise ValidationError(_("Leave user name and password out of the address."))
        _check_reach(host, port or 443)
        return text


def _check_reach(host: str, port: int) -> None:
    """A name that cannot be resolved now passes: it is judged again, and for good, when the connection is made."""
    try:
        address_guard().resolve(host, port)
    except AddressRefused:
        sentence = _(
            "%(host)s is internal, and channels may not call internal addresses unless the administrator of the portal "
            "lists them: PORTAL_ALLOWED_INTERNAL=%(host)s."
        )
        raise ValidationError(sentence % {"host": host}) from None
    except UnicodeError:
        raise ValidationError(_("%(host)s is no host name.") % {"host": host}) from None
    except OSError:
        if _looks_numeric(host):
            raise ValidationError(_("%(host)s is no address.") % {"host": host}) from None


def _looks_numeric(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return host.replace(".", "").isdigit()
    return False


class AddressesField(Field):
    """E-mail addresses, separated by commas, semicolons, spaces or lines."""

    rows = 3

    def clean(self, text: str) -> list[str]:
        """The addresses, each once. Raises ValidationError that names the one which is none."""
        addresses = list(dict.fromkeys(text.replace(",", " ").replace(";", " ").split()))
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                sentence = _("%(address)s is no e-mail address: write them as name@example.org.")
                raise ValidationError(sentence % {"address": address}) from None
        return addresses

    def as_text(self, value: Iterable[str] | None) -> str:
        """One address on each line."""
        return "\n".join(value or [])
