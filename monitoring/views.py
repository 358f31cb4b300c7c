"""``/metrics``: who may read it, and the answer."""

import hmac
from ipaddress import ip_address
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from monitoring.collector import Scrape
from monitoring.exposition import negotiate, takes_gzip

# Whoever stands between leaves one of these; a peer that is not loopback needs no such sign to be a stranger.
FORWARDING: Final = ("HTTP_X_FORWARDED", "HTTP_CF_", "HTTP_X_ORIGINAL_", "HTTP_X_ENVOY_", "HTTP_X_PROXY")
FORWARDING_EXACT: Final = frozenset(
    {
        "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA", "HTTP_TRUE_CLIENT_IP", "HTTP_X_CLIENT_IP",
        "HTTP_X_CLUSTER_CLIENT_IP", "HTTP_FASTLY_CLIENT_IP", "HTTP_CDN_LOOP", "HTTP_X_HOST",
    }
)  # fmt: skip
REFUSAL: Final = (
    "The metrics need a token: send the header 'Authorization: Bearer TOKEN' with the value of PORTAL_METRICS_TOKEN.\n"
)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The exposition, in the format and the coding that the client prefers; 401 for whoever may not read it."""
    if not (is_local(request) or has_token(request)):
        answer = HttpResponse(REFUSAL, status=401, content_type="text/plain; charset=utf-8")
        answer["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return answer
    fmt = negotiate(request.headers.get("Accept", ""))
    gzipped = takes_gzip(request.headers.get("Accept-Encoding", ""))
    answer = HttpResponse(Scrape(fmt).page(gzipped=gzipped), content_type=fmt.content_type)
    if gzipped:
        answer["Content-Encoding"] = "gzip"
    answer["Vary"] = "Accept, Accept-Encoding"
    answer["Cache-Control"] = "no-store"
    return answer


def is_local(request: HttpRequest) -> bool:
    """Whether a program on this machine asks for itself. A proxy on this machine asks for somebody else."""
    if any(name.startswith(FORWARDING) or name in FORWARDING_EXACT for name in request.META):
        return False
    try:
        peer = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False  # a Unix socket has no address: there is a proxy before it
    return (getattr(peer, "ipv4_mapped", None) or peer).is_loopback


def has_token(request: HttpRequest) -> bool:
    """Whether the bearer token is ours. An empty setting means that no token is right."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    ours = settings.PORTAL_METRICS_TOKEN
    right = hmac.compare_digest(token.strip().encode(), ours.encode())
    return bool(ours) and scheme.lower() == "bearer" and right
