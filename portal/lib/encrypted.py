"""A text column that is encrypted at rest (Fernet; the first key encrypts, all keys decrypt)."""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class Undecryptable(Exception):
    """The stored secret was encrypted with a key that this installation does not have."""


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ImproperlyConfigured(
            "PORTAL_FIELD_KEYS holds something that is no key: make one with `manage.py field_key`."
        ) from None


def encrypt(text: str) -> str:
    """The text, encrypted with the newest key."""
    return _box(tuple(settings.PORTAL_FIELD_KEYS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text behind the token. Raises Undecryptable."""
    try:
        return _box(tuple(settings.PORTAL_FIELD_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise Undecryptable(
            "A stored secret cannot be decrypted: put the key that encrypted it into PORTAL_FIELD_KEYS, "
            "or enter the secret again."
        ) from None


class EncryptedTextField(models.TextField):
    """Text in Python, a Fernet token in the database. Cannot be searched, by design.

    A value that cannot be decrypted loads as an :class:`Sealed` text, so that the row still opens in the admin and
    a new secret can be entered; only using it raises.
    """

    def get_prep_value(self, value: Any) -> Any:
        """What goes into the database."""
        if isinstance(value, Sealed):
            return value.token
        return encrypt(value) if value else value

    def from_db_value(self, value: Any, expression: object, connection: object) -> Any:
        """What comes out of the database."""
        if not value:
            return value
        try:
            return decrypt(value)
        except Undecryptable:
            return Sealed(value)


class Sealed(str):
    """A secret whose key is gone. Its text is empty; the token is kept, so that saving the row loses nothing."""

    token: str

    def __new__(cls, token: str) -> "Sealed":
        instance = super().__new__(cls, "")
        instance.token = token
        return instance
