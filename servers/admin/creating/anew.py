"""A creation that failed, asked for anew with something changed: the form as it was filled in, and what Proxmox said at
the fields that it named."""

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from servers.admin.creating.forms import NewServerForm
from servers.models import Action, Blueprint, Operation, OperationState
from servers.offers import Offer
from servers.proxmox.errors import Invalid

OVER: Final = (OperationState.FAILED, OperationState.LOST, OperationState.CANCELLED)
JOINED: Final = {"nameservers": " ", "tags": " ", "ssh_keys": "\n"}


def anew_url(operation: Operation) -> str:
    """The address of the form; '' where there is none: without its blueprint, or for a backup that was restored."""
    request = operation.server_request
    if (
        request is None
        or request.blueprint_id is None
        or operation.parameters.get("source", {}).get("how") == "restore"
    ):
        return ""
    asked = urlencode({"blueprint": request.blueprint_id, "from": operation.pk})
    return f"{reverse('admin:servers_serverrequest_add')}?{asked}"


def before(request: HttpRequest, blueprint: Blueprint) -> Operation | None:
    """The one that failed and is asked for anew, where the address names it."""
    number = request.GET.get("from", "")
    rows = Operation.objects.filter(
        action=Action.CREATE, server_request__blueprint=blueprint, state__in=OVER
    ).exclude(kept__has_key="left").exclude(kept__has_key="again")  # fmt: skip
    return rows.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 10 else None


def filled(blueprint: Blueprint, offer: Offer, operation: Operation) -> NewServerForm:
    """The form as it was, and what was wrong at its fields. A password is not kept for it."""
    given = {**operation.parameters, **operation.parameters.get("register", {})}
    request = operation.server_request
    data: dict[str, Any] = {"names": given["name"], "reason": request.reason if request else ""}
    for name in NewServerForm.base_fields:
        value = given.get(name)
        if name in data:
            continue
        if name in JOINED:
            data[name] = JOINED[name].join(value or ())
        elif value not in (None, False, ""):
            data[name] = value
    form = NewServerForm(blueprint, offer, data)
    form.is_valid()
    form.errors.clear()
    form.complain(Invalid(operation.errors or {"__all__": operation.message}))
    return form


def used(operation: Operation) -> None:
    """It has been asked for anew: the button is gone."""
    Operation.objects.filter(pk=operation.pk).update(kept={**operation.kept, "again": True})
