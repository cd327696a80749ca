"""The worker itself, for whoever wants to run one."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from builders import bundle


@require_safe
def worker_file(request: HttpRequest) -> HttpResponse:
    """The one-file worker of this very version."""
    headers = {"Content-Disposition": 'attachment; filename="asu-worker.pyz"', "Cache-Control": "no-cache"}
    return HttpResponse(bundle.build(), content_type="application/zip", headers=headers)
