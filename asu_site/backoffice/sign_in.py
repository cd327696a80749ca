"""The door of the backoffice: who knocks too often waits, and nobody learns which names there are."""

import math
from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.utils.translation import ngettext

from asu_site.backoffice import known_browsers
from packages import audit, throttle


class SignInForm(AdminAuthenticationForm):
    """Counts before it looks at the password, and says the same whether or not somebody has the name."""

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if self.request is None or not name or not password:
            return super().clean()
        attempt = throttle.Attempt.by(name, self.request.META, browser=known_browsers.of(self.request, name))
        if refusal := attempt.begin():
            if refusal.is_first:
                audit.of_session(audit.BLOCKED, attempt.user)
            raise forms.ValidationError(_too_many(refusal.wait.total_seconds()), code="blocked")
        try:
            data: dict[str, Any] = super().clean()
        except forms.ValidationError:
            audit.of_session(audit.FAILED, attempt.user)
            raise
        attempt.succeeded()
        return data


def _too_many(seconds: float) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    return ngettext(
        "Too many attempts. Try again in %(minutes)d minute; an operator can lift this earlier.",
        "Too many attempts. Try again in %(minutes)d minutes; an operator can lift this earlier.",
        minutes,
    ) % {"minutes": minutes}


def watch() -> None:
    """Called when the apps are ready: sessions that begin and end are in the audit."""
    user_logged_in.connect(_came, dispatch_uid="backoffice.came")
    user_logged_out.connect(_went, dispatch_uid="backoffice.went")


def _came(sender: object, user: Any, **_: Any) -> None:
    audit.of_session(audit.SIGNED_IN, user)


def _went(sender: object, user: Any, **_: Any) -> None:
    if user is not None:
        audit.of_session(audit.SIGNED_OUT, user)
