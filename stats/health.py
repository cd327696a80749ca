"""For load balancers and watchdogs: does this process answer, and can it do its work.

`/healthz` touches nothing: when it fails, the process should be started anew. `/readyz` is 200 when the process may be
sent requests and 503 with what is wrong when not; it answers within two seconds whatever hangs. Workers do not count:
without any, requests are still taken, and `/status.json` tells (`stats.status`).
"""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from stats.readiness import OK, UNKNOWN, Readiness

_UNCACHED = {"Cache-Control": "no-store"}
_readiness = Readiness()


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": 200, "detail": "ok"}, headers=_UNCACHED)


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The process can do its work, or what keeps it from that."""
    checks = _readiness.checks()
    wrong = [said for said in checks.values() if said not in (OK, UNKNOWN)]
    if not wrong:
        return JsonResponse({"status": 200, "detail": "ready", "checks": checks}, headers=_UNCACHED)
    # Each sentence once: what hangs says the same several times.
    body = {"status": 503, "detail": " ".join(dict.fromkeys(wrong)), "checks": checks}
    return JsonResponse(body, status=503, headers={**_UNCACHED, "Retry-After": "5"})
