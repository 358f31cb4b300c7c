"""Who worked with the portal lately, at the price of one write a minute."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection

from monitoring.active_users import seen
from monitoring.models import ActiveUser
from portal.lib import clock

pytestmark = pytest.mark.django_db
User = get_user_model()


def test_people_are_counted_once_in_each_window(scrape):
    moments = {"now": timedelta(0), "half": timedelta(minutes=30), "day": timedelta(hours=20), "old": timedelta(days=2)}
    for name, span in moments.items():
        ActiveUser.objects.create(user=User.objects.create(username=name), last_seen=clock.now() - span)
    page = scrape()
    assert [page.get("active_users", window=window) for window in ("5m", "1h", "1d")] == [1, 2, 3]


def test_a_request_of_somebody_logged_in_is_noted(admin_client, admin_user, scrape):
    admin_client.get("/admin/")
    assert ActiveUser.objects.get().user == admin_user
    assert scrape().get("active_users", window="5m") == 1


def test_requests_within_a_minute_write_once(admin_client, time_machine):
    time_machine.move_to("2026-05-01T12:00:00Z", tick=False)
    admin_client.get("/admin/")
    first = ActiveUser.objects.get().last_seen
    for _ in range(5):
        time_machine.shift(timedelta(seconds=10))
        admin_client.get("/admin/")
    assert ActiveUser.objects.get().last_seen == first
    time_machine.shift(timedelta(seconds=11))
    admin_client.get("/admin/")
    assert ActiveUser.objects.get().last_seen > first


def test_another_process_that_noted_it_just_now_is_enough(django_assert_num_queries, admin_user):
    seen(admin_user.pk)
    with django_assert_num_queries(2) as queries:
        seen(admin_user.pk)
    assert not any(query["sql"].startswith("INSERT") for query in queries.captured_queries)


def test_a_visitor_without_a_session_costs_no_query(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/nothing")
    assert not ActiveUser.objects.exists()


def test_a_note_that_fails_costs_nobody_their_page(admin_client):
    def refuse(execute, sql, params, many, context):
        if "monitoring_activeuser" in sql:
            raise DatabaseError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        assert admin_client.get("/admin/").status_code == 200
