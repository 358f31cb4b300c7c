"""The button “New server” above the list of servers."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from unfold.decorators import action as unfold_action

from portal.lib.access import may
from servers.models import Server


class NewServerButton:
    """For the ModelAdmin of servers."""

    actions_list: Sequence[Any] = ["new_server"]

    def has_provision_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether that person may create servers."""
        return may(request.user, "provision", Server)

    @unfold_action(description=gettext_lazy("New server"), url_path="new-server", icon="add", permissions=["provision"])
    def new_server(self, request: HttpRequest) -> HttpResponse:
        """To the form."""
        return HttpResponseRedirect(reverse("admin:servers_serverrequest_add"))
