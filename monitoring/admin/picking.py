"""What the page “Try it” offers to choose from: servers, nodes, clusters, and what servers are marked with."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from monitoring.things import labels_of
from notifications import Picker, offer
from portal.lib.access import may
from servers.models import Cluster, Node, Server

LONGEST_NUMBER: Final = 9
OF_A_THING: Final = frozenset({"cluster", "node", "name", "vmid", "type"})
OF_A_SERVER: Final = OF_A_THING | {"owner", "environment", "tags"}
Found = Iterable[tuple[str, str]]


def _living() -> "QuerySet[Server]":
    return Server.objects.filter(retired_at=None, template=False)


def _servers(term: str, most: int) -> Found:
    """By name, or by the whole number; names that begin with the term come first."""
    exact = Q(vmid=int(term)) if term.isdecimal() and len(term) <= LONGEST_NUMBER else Q(name__iexact=term)
    rank = Case(
        When(exact, then=0), When(name__istartswith=term, then=1), default=Value(2), output_field=IntegerField()
    )
    rows = _living().filter(exact | Q(name__icontains=term)).order_by(rank, "name", "pk") if term else (
        _living().order_by("pk")
    )  # fmt: skip
    for key, name, vmid, cluster in rows.values_list("pk", "name", "vmid", "cluster__name")[:most]:
        yield str(key), f"{name} ({vmid}, {cluster})"


def _nodes(term: str, most: int) -> Found:
    rows = Node.objects.filter(Q(name__icontains=term) | Q(cluster__name__icontains=term), retired_at=None)
    for key, name, cluster in rows.order_by("cluster__name", "name").values_list("pk", "name", "cluster__name")[:most]:
        yield str(key), f"{name} ({cluster})"


def _clusters(term: str, most: int) -> Found:
    rows = Cluster.objects.filter(name__icontains=term).order_by("name")
    return ((str(key), name) for key, name in rows.values_list("pk", "name")[:most])


def _tags(term: str, most: int) -> Found:
    texts = _living().filter(tags__icontains=term).exclude(tags="").order_by().values_list("tags", flat=True).distinct()
    tags = {tag for text in texts for tag in text.split(";") if tag and term.casefold() in tag.casefold()}
    return ((tag, tag) for tag in sorted(tags)[:most])


def _values(column: str) -> Callable[[str, int], Found]:
    def search(term: str, most: int) -> Found:
        rows = _living().filter(**{f"{column}__icontains": term}).exclude(**{column: ""}).order_by(column)
        return ((value, value) for value in rows.values_list(column, flat=True).distinct()[:most])

    return search


def _labels(model: Any) -> Callable[[str], dict[str, str]]:
    def labels(key: str) -> dict[str, str]:
        related = [] if model is Cluster else ["cluster"] if model is Node else ["cluster", "node"]
        thing = model.objects.filter(pk=key).select_related(*related).first() if key.isdecimal() else None
        return labels_of(thing) if thing else {}

    return labels


def _may_view(model: Any) -> Callable[[Any], bool]:
    return lambda user: may(user, "view", model)


offer(Picker("server", _("Server"), _may_view(Server), _servers, _labels(Server), OF_A_SERVER))
offer(Picker("node", _("Node"), _may_view(Node), _nodes, _labels(Node), OF_A_THING))
offer(Picker("cluster", _("Cluster"), _may_view(Cluster), _clusters, _labels(Cluster), OF_A_THING))
offer(Picker("tag", _("Tag"), _may_view(Server), _tags, lambda tag: {"tags": tag}))
offer(Picker("owner", _("Owner"), _may_view(Server), _values("owner"), lambda name: {"owner": name}))
offer(
    Picker(
        "environment", _("Environment"), _may_view(Server), _values("environment"), lambda name: {"environment": name}
    )
)
