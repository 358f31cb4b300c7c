"""What the server answers when it does not do as it was asked."""

from __future__ import annotations


class ApiError(Exception):
    """An answer that is no success.

    ``message`` is the server's text: its first line becomes the reason phrase, the whole of it stands in the body of
    newer versions. ``errors`` belongs to status 400 (parameter -> text). ``bare`` answers with no body at all, as the
    real server does for 401 and for the codes from 595 on.
    """

    def __init__(
        self,
        status: int,
        message: str,
        errors: dict[str, str] | None = None,
        *,
        bare: bool = False,
        newline: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.bare = bare
        self.newline = newline


class TaskFailed(Exception):
    """Raised inside a task: its text becomes the task's exit status."""


class TaskCancelled(Exception):
    """Thrown into a task that somebody ends: the text is what the log says about it."""


def bad_parameter(**errors: str) -> ApiError:
    """Return the 400 that names each wrong parameter (underscores in names stand for hyphens)."""
    return bad_parameters({name.replace("_", "-"): text for name, text in errors.items()})


def bad_parameters(errors: dict[str, str]) -> ApiError:
    """Return the 400 that names each wrong parameter."""
    return ApiError(400, "Parameter verification failed.", errors)


def failure(message: str) -> ApiError:
    """Return the 500 that most refusals are."""
    return ApiError(500, message)


def forbidden(path: str, privileges: str) -> ApiError:
    """Return the 403 of a missing privilege."""
    return ApiError(403, f"Permission check failed ({path}, {privileges})")


def not_implemented(method: str, path: str) -> ApiError:
    """Return the 501 of a path or method that does not exist."""
    return ApiError(501, f"Method '{method} {path}' not implemented", newline=False)


def unreachable(reason: str = "No route to host") -> ApiError:
    """Return the 595 of a call that could not be forwarded to its node."""
    return ApiError(595, reason, bare=True)
