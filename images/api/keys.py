"""The public half of the key that images are signed with."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from images import publishing
from images.api import answers
from images.api.build import respond


@require_http_methods(["GET", "HEAD"])
def signing_key(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """A usign public key as `usign -V -p` and `signify -V -p` read it; 404 while this server signs nothing."""
    key = publishing.signing_key()
    if key is None:
        return respond(request, answers.error(404, "This server does not sign its images."))
    return HttpResponse(key.public_text(), content_type="text/plain; charset=utf-8")
