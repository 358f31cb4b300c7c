"""Reads settings from the environment and refuses nonsense with a sentence that names the variable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;"


def origin_of(address: str) -> str:
    """Scheme, host and port of an address, as a content security policy names them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


class Environment:
    """Typed access to environment variables. Every method raises ImproperlyConfigured on nonsense."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables

    def text(self, name: str, default: str) -> str:
        """The value, or the default where it is unset or empty."""
        return self.variables.get(name, "").strip() or default

    def boolean(self, name: str, *, default: bool) -> bool:
        """True for 1, true, yes, on; False for 0, false, no, off."""
        value = self.variables.get(name)
        if value is None:
            return default
        if value.strip().lower() in TRUE:
            return True
        if value.strip().lower() in FALSE:
            return False
        raise ImproperlyConfigured(f"{name} is {value!r}: write true or false.")

    def choice(self, name: str, default: str, choices: list[str]) -> str:
        """One of these words."""
        value = self.text(name, default)
        if value not in choices:
            raise ImproperlyConfigured(f"{name} is {value!r}: write {' or '.join(choices)}.")
        return value

    def number(self, name: str, default: float, *, minimum: float, maximum: float = float("inf")) -> float:
        """A number within the bounds."""
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            raise ImproperlyConfigured(f"{name} is {value!r}: write a number.") from None
        if not minimum <= number <= maximum:
            raise ImproperlyConfigured(f"{name} is {value}: write a number from {minimum:g} to {maximum:g}.")
        return number

    def integer(self, name: str, default: int, *, minimum: int, maximum: float = float("inf")) -> int:
        """A whole number within the bounds."""
        number = self.number(name, default, minimum=minimum, maximum=maximum)
        if number != int(number):
            raise ImproperlyConfigured(f"{name} is {number}: write a whole number.")
        return int(number)

    def number_range(self, name: str, default: tuple[int, int], *, minimum: int, maximum: int) -> tuple[int, int]:
        """Two whole numbers within the bounds, written LOW-HIGH."""
        value = self.text(name, f"{default[0]}-{default[1]}")
        low, _dash, high = value.replace(" ", "").partition("-")
        if not (low.isdecimal() and high.isdecimal() and minimum <= int(low) <= int(high) <= maximum):
            raise ImproperlyConfigured(f"{name} is {value!r}: write LOW-HIGH within {minimum} to {maximum}.")
        return int(low), int(high)

    def words(self, name: str, default: list[str]) -> list[str]:
        """A list separated by commas."""
        value = self.variables.get(name, "")
        return [word.strip() for word in value.split(",") if word.strip()] or default

    def secret(self, name: str) -> str:
        """The value of NAME, else the content of the file that NAME_FILE names, else ''."""
        value = self.variables.get(name, "").strip()
        path = self.variables.get(f"{name}_FILE", "").strip()
        if value and path:
            raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set: keep one of them.")
        if not path:
            return value
        try:
            content = Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from None
        if not content:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which is empty.")
        return content

    def secret_list(self, name: str) -> list[str]:
        """Secrets separated by commas or lines, the newest first."""
        return [word.strip() for word in self.secret(name).replace("\n", ",").split(",") if word.strip()]

    def url(self, name: str, default: str) -> str:
        """An http or https address."""
        value = self.text(name, default)
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ImproperlyConfigured(f"{name} is {value!r}: write an address such as https://portal.example.org.")
        return value

    def optional_url(self, name: str) -> str:
        """An http or https address, or '' where there is none."""
        return self.url(name, "") if self.text(name, "") else ""

    def database(self, name: str, default: str) -> dict[str, Any]:
        """Django's settings of one database; SQLite gets WAL and IMMEDIATE transactions, PostgreSQL timeouts.

        SQLite's deferred transactions fail at once when two writers meet; IMMEDIATE ones wait for the busy timeout.
        """
        url = self.secret(name) or default
        settings: dict[str, Any] = environ.Env.db_url_config(url)
        if "sqlite" in settings["ENGINE"]:
            settings["ENGINE"] = "portal.lib.sqlite"
            settings["OPTIONS"] = {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": SQLITE_PRAGMAS}
            # A new connection for each request costs as much as all that a webhook does with it.
            settings |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
        elif "postgresql" in settings["ENGINE"]:
            settings["ENGINE"] = "django_prometheus.db.backends.postgresql"
            settings["OPTIONS"] = {"connect_timeout": 5, **settings.get("OPTIONS", {})}
            settings["CONN_MAX_AGE"] = 60
            settings["CONN_HEALTH_CHECKS"] = True
        else:
            raise ImproperlyConfigured(f"{name}: write sqlite:///PATH or postgres://USER:PASSWORD@HOST/NAME.")
        settings["ATOMIC_REQUESTS"] = False
        return settings

    @staticmethod
    def redis_database(url: str, number: int) -> str:
        """The same server's database of that number, in redis-py's spelling."""
        if url.startswith("unix://"):
            return f"{url}{'&' if '?' in url else '?'}db={number}"
        return f"{url.rstrip('/')}/{number}" if urlsplit(url).path in {"", "/"} else url

    @classmethod
    def kombu_url(cls, url: str, number: int) -> str:
        """The same server's database of that number, in kombu's spelling."""
        if url.startswith("unix://"):
            return f"redis+socket://{url.removeprefix('unix://')}?virtual_host={number}"
        return cls.redis_database(url, number)
