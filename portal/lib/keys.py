"""Keys that an embedded installation makes for itself, once, readable by its owner only."""

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def load_or_create_secret(path: Path) -> str:
    """The text in that file; made of 50 random bytes on the first call. Raises ImproperlyConfigured."""
    return _load_or_create(path, secrets.token_urlsafe(50))


def load_or_create_field_key(path: Path) -> str:
    """A Fernet key kept in that file. Raises ImproperlyConfigured."""
    return _load_or_create(path, Fernet.generate_key().decode())


def _load_or_create(path: Path, fresh: str) -> str:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path, fresh)
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The key file {path} cannot be used ({error.strerror}): make the folder writable, or set PORTAL_DATA "
            "to one that is."
        ) from None


def _create(path: Path, content: str) -> None:
    """Write the file whole or not at all; of two processes that try at once, the first wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was faster: its key is the key
    finally:
        draft.unlink()
