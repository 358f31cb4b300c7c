"""The keys by which the portal signs who somebody is (EdDSA), and what Grafana checks the signature with.

The folder ``PORTAL_DATA/keys/grafana`` holds a private key per name (``p1.pem``), its public half (``p1.pub.pem``), all
public halves as ``jwks.json`` for Grafana, and the name of the key that signs in ``signing``. To rotate: add a key, let
Grafana read ``jwks.json`` again, use the new key, drop the old one. ``manage.py grafana_key`` does each step.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from portal.lib import clock

LIFETIME: Final = 120  # seconds; Grafana takes a token without an end for ever, so there always is one
AUDIENCE: Final = "grafana"
ALGORITHM: Final = "EdDSA"
NAME: Final = re.compile(r"p([1-9][0-9]*)")


class NoKey(Exception):
    """There is no key to sign with, or none of that name. The text says what to do."""


def folder() -> Path:
    """Where the keys are."""
    return Path(settings.PORTAL_DATA) / "keys" / "grafana"


def names() -> list[str]:
    """The names of the keys, the oldest first."""
    found = [match for path in folder().glob("p*.pem") if (match := NAME.fullmatch(path.stem))]
    return [match.group() for match in sorted(found, key=lambda match: int(match.group(1)))]


def signing() -> str:
    """The name of the key that signs. Raises NoKey."""
    try:
        return (folder() / "signing").read_text().strip()
    except FileNotFoundError:
        raise NoKey("There is no key for Grafana yet: run `manage.py grafana_key` to make one.") from None


def add() -> str:
    """Make a further key; its name. The first one signs at once, a later one when it is told to."""
    there = names()
    name = f"p{int(there[-1][1:]) + 1 if there else 1}"
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(f"{name}.pem", private, mode=0o600)
    _write(f"{name}.pub.pem", public)
    if not there:
        use(name)
    _publish()
    return name


def use(name: str) -> None:
    """Sign with that key from now on. Raises NoKey."""
    _demand(name)
    _write("signing", f"{name}\n".encode())


def drop(name: str) -> None:
    """Forget that key: what it signed is refused as soon as Grafana has read the list again. Raises NoKey."""
    _demand(name)
    if name == signing():
        raise NoKey(f"{name} is the key that signs: use another one first (`manage.py grafana_key --use NAME`).")
    for path in (folder() / f"{name}.pem", folder() / f"{name}.pub.pem"):
        path.unlink(missing_ok=True)
    _publish()


def sign(claims: Mapping[str, Any]) -> str:
    """A token with these claims, from us, for Grafana, that ends in two minutes. Raises NoKey."""
    name, moment = signing(), int(clock.now().timestamp())
    whole = {
        **claims, "iss": settings.PORTAL_URL, "aud": AUDIENCE, "iat": moment, "exp": moment + LIFETIME,
    }  # fmt: skip
    return jwt.encode(whole, _private(name), algorithm=ALGORITHM, headers={"kid": name})


def _private(name: str) -> Ed25519PrivateKey:
    path = folder() / f"{name}.pem"
    try:
        return _loaded(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise NoKey(f"The key {name} is gone: restore {path}, or run `manage.py grafana_key --use NAME`.") from None


@lru_cache(maxsize=4)
def _loaded(path: Path, _changed: int) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise NoKey(f"{path} holds no Ed25519 key: make one with `manage.py grafana_key --add`.")
    return key


def _demand(name: str) -> None:
    if name not in names():
        raise NoKey(f"There is no key {name!r}: there is {', '.join(names()) or 'none'}.")


def _publish() -> None:
    """Write the public halves as the list that Grafana reads (``jwk_set_file``)."""
    listed = []
    for name in names():
        public = jwt.algorithms.OKPAlgorithm.to_jwk(_private(name).public_key(), as_dict=True)
        listed.append({**public, "kid": name, "use": "sig", "alg": ALGORITHM})
    _write("jwks.json", json.dumps({"keys": listed}, indent=2).encode() + b"\n")


def _write(name: str, content: bytes, mode: int = 0o644) -> None:
    draft = folder() / f".{name}.new"
    draft.touch(mode=mode)
    draft.write_bytes(content)
    draft.replace(folder() / name)
