"""Who looks at a page."""

from django.conf import settings
from django.http import HttpRequest

from packages import roles
from packages.visibility import Viewer, viewer_of


def viewer_of_page(request: HttpRequest) -> Viewer:
    """What whoever looks may see: by a token; and by their role, for people signed in to the admin."""
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        user = request.user
        if user.is_active and user.is_staff and user.has_perm("images.view_imagerequest"):
            return roles.standing_of(user).viewer
    return viewer_of(request.META)
