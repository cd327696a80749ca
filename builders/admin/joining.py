"""Tokens that let a machine join: made here, shown once, and taken away as long as nobody has used them."""

import shlex
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from builders import tokens, workers
from builders.models import JoinToken
from builders.shown import visible

MOST_HOURS = 24 * 365


class JoinForm(forms.ModelForm):  # type: ignore[type-arg]
    """For whom, and for how long."""

    hours = forms.FloatField(
        label="Valid for (hours)",
        initial=workers.JOIN_HOURS,
        min_value=0.1,
        max_value=MOST_HOURS,
        help_text="The machine has to join within this time; it stays for as long as you like.",
    )

    class Meta:
        model = JoinToken
        fields = ["note"]


@admin.register(JoinToken)
class JoinTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = JoinForm
    add_fields = ("note", "hours")
    fields = ("note", "state", "created_at", "expires_at", "used_at", "joined")
    list_display = ("__str__", "state", "when", "joined")
    list_display_links = None
    list_select_related = ("worker",)
    list_per_page = 50

    class Media:
        css = {"all": ["admin-farm.css"]}

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """They are made, used or deleted."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was used says who let whom in."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.used_at is None)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else self.add_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().add_view(request, form_url, {"title": "Add a worker", **(extra_context or {})})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": "Tokens to join with", **(extra_context or {})})

    def save_model(
        self, request: HttpRequest, obj: JoinToken, form: "forms.ModelForm[JoinToken]", change: bool
    ) -> None:
        """Made where all of them are made; only its SHA-256 is kept."""
        secret = workers.new_join_token(obj.note, form.cleaned_data["hours"])
        obj.pk = JoinToken.objects.values_list("pk", flat=True).get(token_hash=tokens.digest(secret))
        obj.refresh_from_db()
        obj.secret = secret

    def response_add(self, request: HttpRequest, obj: JoinToken, post_url_continue: str | None = None) -> HttpResponse:
        """The token, this once."""
        server = settings.ASU_BASE_URL or request.build_absolute_uri("/").rstrip("/")
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a worker",
            "opts": self.opts,
            "media": self.media,
            "token": obj,
            "command": command(server, obj.secret),
            "is_plain": server.startswith("http://"),
            "server": server,
        }
        return TemplateResponse(request, "admin/builders/jointoken/told.html", context)

    @admin.display(description="state")
    def state(self, token: JoinToken) -> str:
        if token.used_at:
            look, word = "quiet", "used"
        elif token.expires_at <= timezone.now():
            look, word = "quiet", "expired"
        else:
            look, word = "good", "unused"
        return render_to_string("admin/builders/_badge.html", {"look": look, "word": word})

    @admin.display(description="when", ordering="created_at")
    def when(self, token: JoinToken) -> str:
        if token.used_at:
            return f"used {token.used_at:%Y-%m-%d %H:%M}"
        is_over = token.expires_at <= timezone.now()
        return f"{'ended' if is_over else 'good until'} {token.expires_at:%Y-%m-%d %H:%M}"

    @admin.display(description="who joined", ordering="worker__name")
    def joined(self, token: JoinToken) -> str:
        if token.worker is None:
            return ""
        url = reverse("admin:builders_worker_change", args=[token.worker.pk])
        return format_html('<a href="{}">{}</a>', url, visible(token.worker.name))


def command(server: str, token: str) -> str:
    """What to run on the new machine."""
    return (
        f"curl -fsSO {shlex.quote(f'{server}/worker/asu-worker.pyz')} && "
        f"python3 asu-worker.pyz --server {shlex.quote(server)} --token {token}"
    )
