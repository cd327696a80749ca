"""Who looks at a page."""

from django.conf import settings
from django.http import HttpRequest

from packages.visibility import MAINTAINER, Viewer, viewer_of


def viewer_of_page(request: HttpRequest) -> Viewer:
    """What whoever looks may see: by a token; and all of it, for maintainers signed in to the admin."""
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        user = request.user
        if user.is_active and user.is_staff and user.has_perm("images.view_imagerequest"):
            return MAINTAINER
    return viewer_of(request.META)
