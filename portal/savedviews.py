"""Saved views: the chips above a list, saving the present filters under a name, and taking one away."""

from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from portal.lib.access import may
from portal.lib.buttons import Confirmation, list_url
from portal.models import QUERY_LENGTH, SavedView

# Where in a list one is belongs to no view of it.
FLEETING: Final = frozenset({"p", "all", "e", "_changelist_filters", "_popup", "_to_field"})


@dataclass(frozen=True)
class Chip:
    """A link above a list."""

    name: str
    url: str
    here: bool
    remove_url: str = ""


def clean_query(text: str) -> str:
    """The filters, search and order of a query string, in one spelling."""
    query = QueryDict(text, mutable=True)
    for name in list(query):
        values = [value for value in query.getlist(name) if value]
        if name in FLEETING or not values:
            del query[name]
        else:
            query.setlist(name, values)
    ordered = QueryDict(mutable=True)
    for name in sorted(query):
        ordered.setlist(name, query.getlist(name))
    return ordered.urlencode()


def chips(request: HttpRequest, model: Any) -> list[Chip]:
    """The whole list, and the views of it that this person has or that are shared. One query."""
    here = clean_query(request.META.get("QUERY_STRING", ""))
    page, address = model._meta.label_lower, list_url(model)
    mine = SavedView.objects.filter(Q(owner=request.user.pk) | Q(shared=True), page=page)
    found = [
        Chip(
            view.name,
            f"{address}?{view.query}",
            here == view.query,
            reverse("saved-view-remove", args=(view.pk,)) if view.owner_id == request.user.pk else "",
        )
        for view in mine
    ]
    return [Chip(_("All"), address, not here), *found] if found else []


def save_url(request: HttpRequest, model: Any) -> str:
    """Where the present filters can be saved; '' where there are none."""
    query = clean_query(request.META.get("QUERY_STRING", ""))
    if not query:
        return ""
    mine = QueryDict(mutable=True)
    mine.update({"page": model._meta.label_lower, "query": query})
    return f"{reverse('saved-view-add')}?{mine.urlencode()}"


class SavedViewForm(forms.ModelForm):
    """Name and whether it is for everybody."""

    class Meta:
        model = SavedView
        fields = ("name", "shared")
        widgets = {
            "name": UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
            "shared": UnfoldBooleanSwitchWidget,
        }
        help_texts = {"shared": gettext_lazy("Everybody sees it above this list. Only you can take it away.")}


def add(request: HttpRequest) -> HttpResponse:
    """Ask for a name (GET), keep the view (POST). A name that this person has used already is replaced."""
    model = _model_of(request.GET.get("page", ""))
    if not may(request.user, "view", model):
        raise PermissionDenied
    query = clean_query(request.GET.get("query", ""))
    if not query or len(query) > QUERY_LENGTH:
        messages.warning(request, _("There is nothing to save: filter, search or sort the list first."))
        return HttpResponseRedirect(list_url(model))
    form = SavedViewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = {"query": query, "shared": form.cleaned_data["shared"]}
        key = {"owner": request.user, "page": model._meta.label_lower, "name": form.cleaned_data["name"]}
        SavedView.objects.update_or_create(defaults=values, **key)
        messages.success(request, _("The view “%(name)s” is kept above the list.") % {"name": key["name"]})
        return HttpResponseRedirect(f"{list_url(model)}?{query}")
    context = {"form": form, "title": _("Save this view"), "back_url": f"{list_url(model)}?{query}", "query": query}
    return render(
        request, "portal/save_view.html", {**admin.site.each_context(request), **context, "opts": model._meta}
    )


def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask (GET), take it away (POST). Somebody else's view counts as unknown."""
    view = get_object_or_404(SavedView, pk=pk, owner=request.user)
    model = _model_of(view.page)
    if request.method == "POST":
        view.delete()
        messages.success(request, _("The view “%(name)s” is gone.") % {"name": view.name})
        return HttpResponseRedirect(list_url(model))
    confirmation = Confirmation(
        title=_("Remove a view"),
        question=_("Take the view “%(name)s” away?") % {"name": view.name},
        button=_("Take it away"),
        points=[_("What it shows stays; only the chip above the list goes.")],
    )
    context = {"title": confirmation.title, "confirmation": confirmation, "back_url": f"{list_url(model)}?{view.query}"}
    return render(request, "portal/confirm.html", {**admin.site.each_context(request), **context, "opts": model._meta})


def _model_of(page: str) -> Any:
    """The model whose list that is. Raises Http404 for anything that has no list."""
    try:
        model = apps.get_model(page)
    except (LookupError, ValueError):
        raise Http404 from None
    if not admin.site.is_registered(model):
        raise Http404
    return model
