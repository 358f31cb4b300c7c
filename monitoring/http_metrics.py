"""Counts and times every request once: django-prometheus's families, and the two names of our contract.

django-prometheus's middlewares stay on, with two defects mended: a failing request is observed once in the latency by
view, and a client cannot invent methods there. The endpoint is the name of the view, never the path.
"""

import time
from collections.abc import Iterator
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver
from django_prometheus.middleware import Metrics, PrometheusAfterMiddleware, PrometheusBeforeMiddleware
from prometheus_client import Counter, Histogram

UNMATCHED: Final = "<unmatched>"
OTHER_METHOD: Final = "<invalid method>"  # as django-prometheus calls it
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"})
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# What exists with 0 from the start: a counter that first appears with 1 loses that increment in every rate().
EXPECTED: Final = (("GET", "200"), ("GET", "500"), ("POST", "500"))


class PortalMetrics(Metrics):
    """django-prometheus's metrics and ours, made once per process."""

    _instance = None  # of our own: the base class would hand out its own object

    def register(self) -> None:
        """Make the metrics, and those label sets that will surely be used."""
        super().register()
        self.http_requests = self.register_metric(
            Counter, "http_requests_total", "HTTP requests answered.", ["method", "endpoint", "status"]
        )
        self.http_duration = self.register_metric(
            Histogram,
            "http_request_duration_seconds",
            "Time from a request's arrival in Django to its answer.",
            ["method", "endpoint"],
            buckets=BUCKETS,
        )
        for endpoint in {UNMATCHED, *view_names(get_resolver())}:
            for method, status in EXPECTED:
                self.http_requests.labels(method, endpoint, status)


def view_names(resolver: URLResolver, spaces: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all named views, with their namespaces, as a request's ``resolver_match`` tells them."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from view_names(entry, (*spaces, entry.namespace) if entry.namespace else spaces)
        elif isinstance(entry, URLPattern) and entry.name:
            yield ":".join((*spaces, entry.name))


def clamped(method: str | None) -> str:
    """The method where it is a known verb, else one word for all others."""
    return method if method in METHODS else OTHER_METHOD


def endpoint_of(request: HttpRequest, status: int) -> str:
    """The view's name, or ``<unmatched>`` where no view was found (the admin's catch-all is none)."""
    match = request.resolver_match
    if match is None or (match.url_name is None and status == 404):
        return UNMATCHED
    return match.view_name or UNMATCHED


class BeforeMiddleware(PrometheusBeforeMiddleware):
    """The outermost: sees every answer, also those to exceptions (as 500) and those that no view gave."""

    metrics_cls = PortalMetrics

    def process_request(self, request: HttpRequest) -> None:
        """Start the clock."""
        super().process_request(request)
        request.META["portal.started"] = time.perf_counter()

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Count and time the request."""
        elapsed = time.perf_counter() - request.META["portal.started"]
        method, endpoint = clamped(request.method), endpoint_of(request, response.status_code)
        self.metrics.http_requests.labels(method, endpoint, str(response.status_code)).inc()
        self.metrics.http_duration.labels(method, endpoint).observe(elapsed)
        return super().process_response(request, response)


class AfterMiddleware(PrometheusAfterMiddleware):
    """The innermost: what the view itself did."""

    metrics_cls = PortalMetrics

    def label_metric(
        self, metric: Any, request: HttpRequest, response: HttpResponseBase | None = None, **labels: str
    ) -> Any:
        """The metric with these labels, the method clamped in all of them."""
        if "method" in labels:
            labels["method"] = clamped(labels["method"])
        return super().label_metric(metric, request, response, **labels)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Count the exception. The time is observed with the answer, which comes for an exception too."""
        self.metrics.exceptions_by_type.labels(type(exception).__name__).inc()
        match = request.resolver_match
        self.metrics.exceptions_by_view.labels(match.view_name if match else "<unnamed view>").inc()
