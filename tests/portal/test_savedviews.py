"""Saved views above the lists, and the lists as files."""

import io
import json
from datetime import UTC, datetime

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.lib import export
from portal.lib.export import plain
from portal.models import SavedView
from portal.savedviews import clean_query
from tests.support import seed

pytestmark = pytest.mark.django_db

ADD = "/admin/views/add/?page=servers.server&query=status%3Dstopped%26p%3D3"


def test_a_saved_view_becomes_a_chip_of_its_owner_only():
    client = seed.browser("viewer")
    page = client.post(ADD, {"name": "야간"}, follow=True).content.decode()
    assert "The view “야간” is kept above the list." in page
    assert SavedView.objects.get().query == "status=stopped"
    assert "야간" in client.get("/admin/servers/server/").content.decode()
    assert "야간" not in seed.browser("viewer").get("/admin/servers/server/").content.decode()


def test_a_shared_view_is_everybodys_to_see_and_its_owners_to_remove():
    owner, other = seed.browser("viewer"), seed.browser("operator")
    owner.post(ADD, {"name": "asleep", "shared": "on"})
    assert "asleep" in other.get("/admin/servers/server/").content.decode()
    address = f"/admin/views/{SavedView.objects.get().pk}/remove/"
    assert other.post(address).status_code == 404
    assert SavedView.objects.count() == 1
    owner.post(address)
    assert not SavedView.objects.exists()


def test_looking_saves_and_removes_nothing():
    client = seed.browser("viewer")
    client.get(ADD)
    assert not SavedView.objects.exists()
    client.post(ADD, {"name": "asleep"})
    client.get(f"/admin/views/{SavedView.objects.get().pk}/remove/")
    assert SavedView.objects.exists()


def test_the_same_name_replaces():
    client = seed.browser("viewer")
    client.post(ADD, {"name": "mine"})
    client.post(ADD.replace("stopped", "running"), {"name": "mine"})
    assert SavedView.objects.get().query == "status=running"


def test_nothing_to_save_is_said():
    page = seed.browser("viewer").get("/admin/views/add/?page=servers.server&query=p%3D2", follow=True)
    assert "There is nothing to save" in page.content.decode()


@pytest.mark.parametrize("page", ["", "nonsense", "servers.counter", "sessions.session"])
def test_what_has_no_list_has_no_views(page):
    assert seed.browser(superuser=True).get(f"/admin/views/add/?page={page}&query=a%3Db").status_code == 404


def test_views_need_the_right_to_see_the_list(client):
    assert client.get(ADD).status_code == 302
    assert seed.browser("").get(ADD).status_code == 403


def test_one_view_has_one_spelling():
    assert clean_query("?q=&status=running&all=&cluster=2&p=4".lstrip("?")) == "cluster=2&status=running"


# --- the list as a file


def test_a_csv_file_has_the_rows_of_the_filtered_list():
    cluster = seed.make_cluster("berlin")
    seed.make_server(cluster, name="회계서버", status="stopped")
    seed.make_server(cluster, name="other")
    answer = seed.browser("viewer").get("/admin/servers/server/export/csv/?status=stopped")
    text = answer.getvalue().decode("utf-8-sig")
    assert "회계서버" in text
    assert "other" not in text
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="servers-')


def test_an_xlsx_file_keeps_numbers_and_disarms_formulas():
    seed.make_server(seed.make_cluster("berlin"), name='=HYPERLINK("http://x")', vmid=4711, owner="\x07@me")
    answer = seed.browser("viewer").get("/admin/servers/server/export/xlsx/")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    head, row = sheet.iter_rows(values_only=True)
    found = dict(zip(head, row, strict=True))
    assert sheet.title == "Servers"
    assert (found["VMID"], found["Name"], found["Owner"]) == (4711, '\'=HYPERLINK("http://x")', "'@me")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_text_is_a_formula(text):
    assert plain(text).startswith("'")


@pytest.mark.parametrize("name", ["server", "node", "storage", "cluster", "backup", "backuprun", "statechange"])
@pytest.mark.parametrize("kind", ["csv", "json", "xlsx"])
def test_every_list_is_a_file(name, kind):
    seed.many_servers(4)
    answer = seed.browser("viewer").get(f"/admin/servers/{name}/export/{kind}/")
    assert answer.status_code == 200
    assert answer.getvalue()


def test_columns_are_called_as_people_call_them():
    seed.make_server(seed.make_cluster("berlin"), tags=";prod;web;")
    text = seed.browser("viewer").get("/admin/servers/server/export/csv/").getvalue().decode("utf-8-sig")
    assert text.startswith("Cluster,VMID,Name,Type,Status,")
    assert ',"prod, web",' in text
    assert "_" not in text.splitlines()[0]


def test_a_json_file_is_json_with_the_names_that_programs_know():
    seed.many_servers(3)
    rows = json.loads(seed.browser("viewer").get("/admin/servers/server/export/json/").getvalue())
    assert len(rows) == 3
    assert {"vmid", "name", "cluster__name"} <= rows[0].keys()
    assert json.loads(seed.browser("viewer").get("/admin/servers/server/export/json/?q=none").getvalue()) == []


@pytest.mark.parametrize("kind", ["csv", "json", "xlsx"])
def test_a_file_costs_the_same_queries_for_3_rows_and_for_30(kind):
    def queries(number):
        seed.many_servers(number)
        client = seed.browser("viewer")
        client.get("/admin/servers/server/")  # the choices of filters are remembered for a minute
        with CaptureQueriesContext(connection) as found:
            client.get(f"/admin/servers/server/export/{kind}/").getvalue()
        return len(found)

    assert queries(3) == queries(30)


def test_a_download_begins_before_its_rows_are_read():
    seed.many_servers(3)
    client = seed.browser("viewer")
    client.get("/admin/servers/server/")  # the choices of filters are remembered for a minute
    with CaptureQueriesContext(connection) as found:
        answer = client.get("/admin/servers/server/export/csv/")
    assert answer.streaming
    assert not [query for query in found if 'FROM "servers_server"' in query["sql"]]


def test_moments_are_told_in_the_persons_zone_also_while_the_file_is_written():
    seed.make_server(seed.make_cluster(), first_seen=datetime(2026, 1, 1, 12, tzinfo=UTC))
    client = seed.browser("viewer")
    client.cookies["portal_timezone"] = "Asia/Seoul"
    assert "2026-01-01T21:00:00+09:00" in client.get("/admin/servers/server/export/csv/").getvalue().decode()


def test_a_workbook_that_would_keep_one_waiting_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(export, "MOST_IN_XLSX", 2)
    seed.many_servers(3)
    answer = seed.browser("viewer").get("/admin/servers/server/export/xlsx/?type=all", follow=True)
    assert answer.redirect_chain == [("/admin/servers/server/?type=all", 302)]
    assert "take CSV, which begins at once" in answer.content.decode()


def test_files_need_the_right_to_see_the_list(client):
    address = "/admin/servers/server/export/csv/"
    assert client.get(address).status_code == 302
    assert seed.browser("").get(address).status_code == 403
    assert seed.browser("viewer").get("/admin/auth/user/export/csv/").status_code == 403
    assert seed.browser("viewer").get("/admin/servers/server/export/exe/").status_code == 404
    assert seed.browser("viewer").post(address).status_code == 405


def test_a_wrong_filter_is_no_crash():
    seed.make_server(seed.make_cluster())
    assert seed.browser("viewer").get("/admin/servers/server/export/csv/?nonsense=1").status_code == 400
