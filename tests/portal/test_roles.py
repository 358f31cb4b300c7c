"""The three roles, the table that says what they may do, and the one function that decides."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from portal import roles
from portal.lib.access import may
from servers.models import Cluster, Server, StateChange
from tests.support import seed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", roles.ROLES)
def test_the_migration_gives_each_role_what_the_table_says(role):
    held = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
    assert {f"{app}.{codename}" for app, codename in held} == roles.ROLES[role]


def test_each_role_may_do_what_the_one_before_it_may():
    assert roles.VIEWER_MAY < roles.OPERATOR_MAY < roles.ADMINISTRATOR_MAY


def test_applying_twice_keeps_what_an_administrator_added_by_hand():
    from django.contrib.auth.models import Permission

    extra = Permission.objects.get(codename="view_user")
    Group.objects.get(name="viewer").permissions.add(extra)
    roles.apply()
    assert extra in Group.objects.get(name="viewer").permissions.all()


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("", False), ("viewer", False), ("operator", True), ("administrator", True)],
)
def test_operators_and_administrators_sync_clusters(role, allowed):
    assert may(seed.make_user(role), "sync", Cluster) is allowed


def test_only_administrators_add_clusters():
    assert [role for role in roles.ROLES if may(seed.make_user(role), "add", Cluster)] == ["administrator"]


def test_nobody_but_active_staff_may_do_anything():
    assert not may(AnonymousUser(), "view", Server)
    assert not may(None, "view", Server)
    assert not may(seed.make_user("administrator", staff=False), "view", Server)
    gone = seed.make_user("administrator")
    gone.is_active = False
    assert not may(gone, "view", Server)


def test_a_retired_server_and_a_template_are_operated_by_nobody():
    cluster, person = seed.make_cluster(), seed.make_user(superuser=True)
    assert may(person, "operate", seed.make_server(cluster))
    assert not may(person, "operate", seed.make_server(cluster, template=True))
    assert not may(person, "operate", seed.make_server(cluster, retired_at=cluster.created_at))


@pytest.mark.parametrize("role", ["viewer", "operator", "administrator"])
def test_nobody_adds_or_deletes_history(role):
    person = seed.make_user(role)
    assert not any(may(person, action, StateChange) for action in ("add", "change", "delete"))
