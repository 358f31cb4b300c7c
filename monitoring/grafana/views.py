"""What nginx asks the portal about Grafana: who may pass, and what to show to whoever may not."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from monitoring.grafana import gate, proxy
from monitoring.grafana.identity import JWT, TOKEN_HEADER
from monitoring.grafana.keys import NoKey


@never_cache
@csrf_exempt
def auth(request: HttpRequest) -> HttpResponse:
    """204 with who it is, 401 for nobody, 403 for who may not; nginx says in two headers what is asked for."""
    method = request.headers.get("X-Original-Method", "GET")
    path = request.headers.get("X-Original-URI", "/grafana/").partition("?")[0]
    verdict = gate.decide(request, method, path)
    who = verdict.identity
    answer = HttpResponse(status=verdict.status)
    del answer["Content-Type"]
    if who is None:
        return answer
    answer["X-Portal-User"], answer["X-Portal-Role"] = who.login, who.role
    if settings.PORTAL_GRAFANA_IDENTITY == JWT:
        try:
            answer[TOKEN_HEADER] = who.token()
        except NoKey:
            return HttpResponse(status=403)
    return answer


@never_cache
@csrf_exempt
def denied(request: HttpRequest) -> HttpResponse:
    """The small page for a frame, in place of what nginx did not let through."""
    verdict = gate.decide(request, "GET", "/grafana/")
    return proxy.small_page(request, 403 if verdict.identity else verdict.status)


@never_cache
@csrf_exempt
def away(request: HttpRequest) -> HttpResponse:
    """The small page for a frame where nginx got no answer from Grafana."""
    return proxy.small_page(request, 502)
