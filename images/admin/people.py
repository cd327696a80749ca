"""Organisations, whose things are private, and the tokens that open them or make somebody a client of its own."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from images import client_tokens
from images.models import ClientToken
from packages.admin import Announcing, ReadOnly
from packages.deciding import announce
from packages.models import Distribution, NetworkProfile, Organisation

_MOST_TOKENS = 50  # on the page of an organisation


def _count(rows: "QuerySet[Any]") -> Any:
    """How many of these an organisation has: each kind by itself, as joined they would multiply."""
    mine = rows.filter(organisation=OuterRef("pk")).order_by().values("organisation")
    counted = mine.annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


class ClientTokenInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ClientToken
    extra = 0
    fields = readonly_fields = ("name", "is_enabled", "is_trusted", "created_at", "last_used_at")
    show_change_link = True
    verbose_name_plural = f"Client tokens, the newest {_MOST_TOKENS}"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[ClientToken]":
        """So many at most: a federation may hand out thousands."""
        rows: QuerySet[ClientToken] = super().get_queryset(request)
        newest = ClientToken.objects.filter(organisation=OuterRef("organisation")).order_by("-pk").values("pk")
        return rows.filter(pk__in=Subquery(newest[:_MOST_TOKENS])).order_by("-pk")


@admin.register(Organisation)
class OrganisationAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    """Whose things are private. Here, not with the catalogue: its page shows the tokens that open them."""

    list_display = ("name", "title", "contact", "distribution_count", "profile_count", "token_count")
    search_fields = ("name", "title", "contact")
    inlines = (ClientTokenInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organisation]:
        rows: QuerySet[Organisation] = super().get_queryset(request)
        return rows.annotate(
            distribution_total=_count(Distribution.objects.all()),
            profile_total=_count(NetworkProfile.objects.all()),
            token_total=_count(ClientToken.objects.filter(is_enabled=True)),
        )

    @admin.display(description="distributions")
    def distribution_count(self, row: Organisation) -> int:
        return getattr(row, "distribution_total", 0)

    @admin.display(description="network profiles")
    def profile_count(self, row: Organisation) -> int:
        return getattr(row, "profile_total", 0)

    @admin.display(description="enabled tokens")
    def token_count(self, row: Organisation) -> str:
        url = f"{reverse('admin:images_clienttoken_changelist')}?organisation__id__exact={row.pk}"
        return format_html('<a href="{}">{}</a>', url, getattr(row, "token_total", 0))


@admin.register(ClientToken)
class ClientTokenAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    """A token is told when it is made, this once."""

    list_display = ("name", "organisation", "is_enabled", "is_trusted", "created_at", "last_used_at")
    list_editable = ("is_enabled",)
    list_filter = ("is_enabled", "is_trusted", "organisation")
    list_select_related = ("organisation",)
    search_fields = ("name",)
    list_per_page = 50
    actions = ("enable", "disable")
    notes_itself = True
    fields = ("name", "organisation", "is_trusted", "is_enabled", "created_at", "last_used_at")
    readonly_fields = ("created_at", "last_used_at")

    class Media:
        css = {"all": ["admin-farm.css"]}

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: "QuerySet[ClientToken]") -> None:
        self._switch(request, queryset, is_enabled=True)

    @admin.action(description="Disable: the address of whoever sends it counts again", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: "QuerySet[ClientToken]") -> None:
        self._switch(request, queryset, is_enabled=False)

    def _switch(self, request: HttpRequest, queryset: "QuerySet[ClientToken]", *, is_enabled: bool) -> None:
        changed = list(queryset.exclude(is_enabled=is_enabled))
        queryset.model.objects.filter(pk__in=[row.pk for row in changed]).update(is_enabled=is_enabled)
        word = "Enabled" if is_enabled else "Disabled"
        LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, f"{word}.")  # type: ignore[arg-type]
        transaction.on_commit(announce)
        messages.success(request, f"{word}: {len(changed)}.")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ("name", "organisation", "is_trusted")

    def save_model(self, request: HttpRequest, obj: object, form: object, change: bool) -> None:
        if isinstance(obj, ClientToken) and not change:
            obj.secret, obj.token_hash = client_tokens.fresh()
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ClientToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The token, this once."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Add client token",
            "opts": self.opts,
            "media": self.media,
            "token": obj,
        }
        return TemplateResponse(request, "admin/images/clienttoken/told.html", context)
