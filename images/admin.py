"""The maintainer's view of requests, images and client tokens. Actions call the same services as everything else."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from builders import queue
from images import client_tokens, services
from images.models import ClientToken, Image, ImageFile, ImageRequest
from packages.admin import Announcing, ReadOnly
from packages.models import Organisation


class ReasonForm(ActionForm):
    """Beside the choice of actions: why an image is withdrawn."""

    why = forms.CharField(required=False, max_length=500, label="Public reason (to withdraw)")


class ImageFileInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ImageFile
    extra = 0
    fields = ("name", "type", "filesystem", "size", "downloads", "sha256")


@admin.register(Image)
class ImageAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("short_hash", "device", "where", "published_at", "last_asked_at", "standing", "downloads")
    list_filter = (
        ("withdrawn_at", admin.EmptyFieldListFilter),
        ("expired_at", admin.EmptyFieldListFilter),
        "request__distribution",
        "request__version",
    )
    list_select_related = ("request", "request__build")
    search_fields = ("request__request_hash", "request__profile", "request__target", "request__version")
    date_hierarchy = "published_at"
    inlines = (ImageFileInline,)
    action_form = ReasonForm
    actions = ("expire", "withdraw", "rebuild")
    fields = ("page", "published_at", "last_asked_at", "expired_at", "withdrawn_at", "withdrawn_why", "manifest")
    readonly_fields = ("page",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        rows: QuerySet[Image] = super().get_queryset(request)
        return rows.annotate(downloads_sum=Sum("files__downloads"))

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Actions change images, though their fields are not for editing."""
        return request.user.has_perm("images.change_image")

    @admin.display(description="hash", ordering="request__request_hash")
    def short_hash(self, image: Image) -> str:
        return image.request.request_hash[:12]

    @admin.display(ordering="request__profile")
    def device(self, image: Image) -> str:
        return image.request.profile

    @admin.display(ordering="request__version")
    def where(self, image: Image) -> str:
        return f"{image.request.distribution} {image.request.version} {image.request.target}"

    @admin.display()
    def standing(self, image: Image) -> str:
        if image.withdrawn_at:
            return "withdrawn"
        return "expired" if image.expired_at else "served"

    @admin.display(ordering="downloads_sum")
    def downloads(self, image: Image) -> int:
        total: int | None = getattr(image, "downloads_sum", None)
        return total or 0

    @admin.display(description="public page")
    def page(self, image: Image) -> str:
        return _page_link(image.request.request_hash)

    @admin.action(description="Expire: remove the files, keep the page", permissions=["act"])
    def expire(self, request: HttpRequest, images: QuerySet[Image]) -> None:
        for image in images:
            if image.expired_at is None:
                services.expire(image)
        self.message_user(request, "Expired; asked for again, they are built again.")

    @admin.action(description="Withdraw: stop serving at once, for good", permissions=["act"])
    def withdraw(self, request: HttpRequest, images: QuerySet[Image]) -> None:
        why = request.POST.get("why", "").strip()
        if not why:
            self.message_user(request, "Say why, in the field beside the action: the reason is public.", messages.ERROR)
            return
        for image in images:
            services.withdraw(image, why)
        self.message_user(request, "Withdrawn.")

    @admin.action(description="Build again", permissions=["act"])
    def rebuild(self, request: HttpRequest, images: QuerySet[Image]) -> None:
        for image in images:
            if image.expired_at is None:
                services.expire(image)
            if image.request.build is not None:
                image.request.build.refresh_from_db()
                queue.retry(image.request.build)
        self.message_user(request, "Queued again.")


@admin.register(ImageRequest)
class ImageRequestAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("short_hash", "profile", "distribution", "version", "target", "status", "state", "created_at")
    list_filter = ("status", "organisation", "distribution", "version", "client")
    list_select_related = ("build",)
    search_fields = ("request_hash", "profile", "target", "version")
    date_hierarchy = "created_at"
    # Not `canonical`: it holds the first-boot script, and people put passwords there.
    fields = (
        "page",
        "status",
        "distribution",
        "version",
        "target",
        "profile",
        "organisation",
        "client",
        "echo",
        "refusal",
        "build",
        "resolved_to",
        "created_at",
    )
    readonly_fields = ("page",)

    @admin.display(description="hash", ordering="request_hash")
    def short_hash(self, request: ImageRequest) -> str:
        return request.request_hash[:12]

    @admin.display(ordering="build__state")
    def state(self, request: ImageRequest) -> str:
        return request.build.state if request.build else ""

    @admin.display(description="public page")
    def page(self, request: ImageRequest) -> str:
        return _page_link(request.request_hash)


class ClientTokenInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ClientToken
    extra = 0
    fields = readonly_fields = ("name", "is_enabled", "is_trusted", "created_at", "last_used_at")
    show_change_link = True


@admin.register(Organisation)
class OrganisationAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    """Whose things are private. Here, not with the catalogue: its page shows the tokens that open them."""

    list_display = ("name", "title", "contact", "distribution_count", "profile_count", "token_count")
    search_fields = ("name", "title", "contact")
    inlines = (ClientTokenInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organisation]:
        rows: QuerySet[Organisation] = super().get_queryset(request)
        return rows.annotate(
            distribution_total=Count("distributions", distinct=True),
            profile_total=Count("network_profiles", distinct=True),
            token_total=Count("client_tokens", distinct=True, filter=Q(client_tokens__is_enabled=True)),
        )

    @admin.display(description="distributions")
    def distribution_count(self, row: Organisation) -> int:
        return getattr(row, "distribution_total", 0)

    @admin.display(description="network profiles")
    def profile_count(self, row: Organisation) -> int:
        return getattr(row, "profile_total", 0)

    @admin.display(description="enabled tokens")
    def token_count(self, row: Organisation) -> int:
        return getattr(row, "token_total", 0)


@admin.register(ClientToken)
class ClientTokenAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    """A token is told when it is made, this once."""

    list_display = ("name", "organisation", "is_enabled", "is_trusted", "created_at", "last_used_at")
    list_editable = ("is_enabled",)
    list_filter = ("is_enabled", "is_trusted", "organisation")
    list_select_related = ("organisation",)
    search_fields = ("name",)
    fields = ("name", "organisation", "is_trusted", "is_enabled", "created_at", "last_used_at")
    readonly_fields = ("created_at", "last_used_at")

    class Media:
        css = {"all": ["admin-farm.css"]}

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


def _page_link(request_hash: str) -> str:
    return format_html('<a href="{}">{}</a>', reverse("images:detail", args=[request_hash]), request_hash)
