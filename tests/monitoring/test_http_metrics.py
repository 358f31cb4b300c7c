"""Every request is counted once, by the name of its view."""

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.urls import include, path
from prometheus_client import REGISTRY

pytestmark = pytest.mark.django_db


def fails(request):
    raise RuntimeError("on purpose")


urlpatterns = [
    path("", include("portal.urls")),
    path("fails", fails, name="fails"),
    path("thing/<int:number>", lambda request, number: HttpResponse("here"), name="thing"),
]


@pytest.fixture
def web(client, settings):
    """A client of the portal with two more views, and errors answered as they are to a browser."""
    settings.ROOT_URLCONF = __name__
    client.raise_request_exception = False
    return client


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Rise:
    """How far a sample rises in a block."""

    def __init__(self, name: str, **labels: str) -> None:
        self.name, self.labels = name, labels

    def __enter__(self) -> "Rise":
        self.before = count(self.name, **self.labels)
        return self

    def __exit__(self, *exc: object) -> None:
        self.by = count(self.name, **self.labels) - self.before


def test_a_request_is_counted_under_the_name_of_its_view_and_never_its_path(web):
    with (
        Rise("http_requests_total", method="GET", endpoint="thing", status="200") as counted,
        Rise("http_request_duration_seconds_count", method="GET", endpoint="thing") as timed,
    ):
        for number in range(5):
            web.get(f"/thing/{number}")
    assert counted.by == timed.by == 5


def test_a_page_of_the_admin_is_called_by_its_namespace(admin_client):
    with Rise("http_requests_total", method="GET", endpoint="admin:servers_server_changelist", status="200") as counted:
        admin_client.get("/admin/servers/server/")
    assert counted.by == 1


def test_an_address_that_leads_nowhere_is_unmatched(web, admin_client):
    with Rise("http_requests_total", method="GET", endpoint="<unmatched>", status="404") as counted:
        web.get("/nothing/here")
        admin_client.get("/admin/nothing/here/")
    assert counted.by == 2


def test_a_failing_view_counts_once_as_500(web):
    with (
        Rise("http_requests_total", method="GET", endpoint="fails", status="500") as counted,
        Rise("http_request_duration_seconds_count", method="GET", endpoint="fails") as timed,
        Rise("django_http_requests_latency_seconds_by_view_method_count", view="fails", method="GET") as theirs,
        Rise("django_http_exceptions_total_by_view_total", view="fails") as exceptions,
        Rise("django_http_exceptions_total_by_type_total", type="RuntimeError") as types,
    ):
        for _ in range(3):
            assert web.get("/fails").status_code == 500
    assert counted.by == timed.by == theirs.by == exceptions.by == types.by == 3


def test_a_method_that_a_client_invented_makes_no_series_of_its_own(web):
    word = "<invalid method>"
    with (
        Rise("http_requests_total", method=word, endpoint="thing", status="200") as ours,
        Rise("django_http_requests_latency_seconds_by_view_method_count", view="thing", method=word) as theirs,
    ):
        for invented in ("HACK", "G-E-T", "X" * 50):
            web.generic(invented, "/thing/1")
    assert ours.by == theirs.by == 3
    methods = {sample.labels["method"] for family in REGISTRY.collect() for sample in family.samples
               if "method" in sample.labels}  # fmt: skip
    assert methods <= {"GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH", word}


def test_known_views_are_there_with_zero_before_their_first_request(web):
    web.get("/")
    assert REGISTRY.get_sample_value(
        "http_requests_total", {"method": "POST", "endpoint": "admin:login", "status": "500"}
    ) == 0  # fmt: skip
    assert REGISTRY.get_sample_value(
        "http_requests_total", {"method": "GET", "endpoint": "metrics", "status": "500"}
    ) == 0  # fmt: skip


def test_a_refused_host_is_counted_too(web):
    with Rise("http_requests_total", method="GET", endpoint="<unmatched>", status="400") as counted:
        web.get("/", headers={"Host": "evil.example"})
    assert counted.by == 1


def test_djangos_own_families_of_requests_database_and_cache_are_exported(web, scrape):
    get_user_model().objects.count()
    families = scrape().families
    for name in (
        "django_http_requests_before_middlewares", "django_http_responses_total_by_status",
        "django_http_requests_latency_including_middlewares_seconds", "django_db_execute", "django_cache_get",
        "django_db_query_duration_seconds",
    ):  # fmt: skip
        assert name in families
