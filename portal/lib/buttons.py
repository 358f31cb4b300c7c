"""Buttons that act. Unfold's actions are links, so looking changes nothing: the link opens a page that says what will
happen, and only its POST acts. The right to press it is asked of the object itself, at showing and at acting."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Protocol

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from unfold.decorators import action as unfold_action

from portal.lib.access import may


@dataclass(frozen=True)
class Confirmation:
    """What the page before the deed says. Without a ``button`` it says why nothing can be done now.

    ``choices`` (value, words) are buttons beside each other instead of the one; the POST has the value as ``choice``.
    ``hidden`` are names and values that the POST takes along.
    """

    title: Any
    question: Any
    button: Any
    points: list[Any] = field(default_factory=list)
    danger: bool = False
    choices: list[tuple[str, Any]] = field(default_factory=list)
    hidden: list[tuple[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What the deed answers: a sentence for the person, its level, and where to go (the object's page if empty)."""

    sentence: Any
    level: int = messages.SUCCESS
    url: str = ""


class Deed(Protocol):
    """A method of a ModelAdmin that acts on one object."""

    def __call__(self, model_admin: Any, request: HttpRequest, obj: Any, /) -> "Outcome | HttpResponse": ...


def not_there(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """To the front page, with the admin's own sentence that there is no such object (any more)."""
    answer: HttpResponse = model_admin._get_obj_does_not_exist_redirect(request, model_admin.opts, object_id)
    return answer


def object_button(
    *, permission: str, description: Any, path: str, icon: str, confirmation: Callable[[Any], Confirmation]
) -> Callable[[Deed], Any]:
    """A button on an object's page. ``permission`` is an action for ``may``; name it in ``actions_detail``.

    The decorated method gets the object and runs on POST only. It writes the audit entry for what it did.
    """

    def decorate(deed: Deed) -> Any:
        @wraps(deed)
        def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
            obj = model_admin.object_once(request, object_id)
            if obj is None:
                return not_there(model_admin, request, object_id)
            if not may(request.user, permission, obj):
                return turn_away(model_admin, request, obj, description, action=permission)
            if request.method != "POST":
                return ask(model_admin, request, confirmation(obj), object_url(obj), obj)
            return _answer(model_admin, request, obj, deed(model_admin, request, obj))

        button = unfold_action(description=description, url_path=path, icon=icon)(view)
        button.allowed_permissions = [permission]  # Unfold hides the button by it; the view asks again
        return button

    return decorate


def object_url(obj: Any) -> str:
    """The address of an object's page in the admin."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=(obj.pk,))


def list_url(model: Any, **filters: str | int) -> str:
    """The address of a model's list in the admin, filtered."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def ask(
    model_admin: Any, request: HttpRequest, confirmation: Confirmation, back_url: str, obj: Any = None
) -> HttpResponse:
    """The page before the deed. Its POST goes to the address that was asked for."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": obj,
        "title": confirmation.title,
        "confirmation": confirmation,
        "back_url": back_url,
        "media": model_admin.media,
    }
    return TemplateResponse(request, "portal/confirm.html", context)


def turn_away(model_admin: Any, request: HttpRequest, obj: Any, what: Any, *, action: str = "") -> HttpResponse:
    """The answer to who may look and not do ``what``: a sentence. Where they may do that ``action`` to others, it is
    this object that does not allow it as it is now. Raises PermissionDenied for who may not look."""
    if not model_admin.has_view_permission(request, obj):
        raise PermissionDenied
    sentence = _("You may not do that (“%(what)s”): ask an administrator for the right to it.")
    if action and may(request.user, action, type(obj)):
        sentence = _("“%(what)s” is not possible any more: it is done already, or things changed. See how it stands.")
    messages.error(request, sentence % {"what": what})
    return HttpResponseRedirect(object_url(obj))


def _answer(model_admin: Any, request: HttpRequest, obj: Any, result: "Outcome | HttpResponse") -> HttpResponse:
    if isinstance(result, HttpResponse):
        return result
    messages.add_message(request, result.level, str(result.sentence))
    return HttpResponseRedirect(result.url or object_url(obj))
