"""Browsers that somebody signed in with before, by a signed cookie: see `packages.throttle` for what they are good for.

The cookie opens nothing, and who steals it may guess as often as anybody from one address.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

COOKIE = "known"
_SALT = "asu_site.backoffice.known_browsers"
_AGE = timedelta(days=180)


def remember(request: HttpRequest, response: HttpResponse, name: str) -> None:
    """Somebody signed in under this name."""
    browser = of(request, name) or secrets.token_urlsafe(12)
    response.set_cookie(
        COOKIE,
        signing.dumps([browser, name], salt=_SALT),
        max_age=_AGE,
        path=reverse("admin:index"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def of(request: HttpRequest, name: str) -> str:
    """Which one it is, if somebody signed in with it under this name; else ""."""
    try:
        browser, known = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_AGE)
    except (signing.BadSignature, ValueError):
        return ""
    return str(browser) if known == name else ""
