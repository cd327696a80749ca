"""Builds, with what only this app knows of them: the public page, the image, and its withdrawal."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from builders.admin.builds import BuildAdmin
from builders.models import Build
from images.admin.withdrawing import withdraw
from images.models import Image, ImageRequest

admin.site.unregister(Build)


@admin.register(Build)
class RequestedBuildAdmin(BuildAdmin):
    actions = (*BuildAdmin.actions, "withdraw")

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        """Whoever may change images may withdraw them from here too."""
        return request.user.has_perm("images.change_image")

    def links_of(self, request: HttpRequest, row: Build) -> list[tuple[str, str]]:
        links = super().links_of(request, row)
        asked = ImageRequest.objects.filter(build=row).values_list("pk", "request_hash", "image").first()
        if asked is None:
            return links
        pk, request_hash, image = asked
        links.insert(0, ("Public page", reverse("images:detail", args=[request_hash])))
        if image is not None and request.user.has_perm("images.view_image"):
            links.insert(1, ("Its image", reverse("admin:images_image_change", args=[image])))
        if request.user.has_perm("images.view_imagerequest"):
            links.append(("Its request", reverse("admin:images_imagerequest_change", args=[pk])))
        return links

    def buttons_of(self, request: HttpRequest, row: Build) -> list[dict[str, Any]]:
        buttons = super().buttons_of(request, row)
        is_served = Image.objects.served().filter(request__build=row).exists()
        if is_served and self.has_withdraw_permission(request):
            hint = "Its image is served no longer, for good"
            buttons.append({"name": "withdraw", "label": "Withdraw …", "hint": hint, "is_grave": True})
        return buttons

    def may_press(self, request: HttpRequest) -> bool:
        return super().may_press(request) or self.has_withdraw_permission(request)

    def press(self, request: HttpRequest, row: Build) -> HttpResponse | None:
        if request.POST.get("order") == "withdraw":
            if not self.has_withdraw_permission(request):
                self.message_user(request, "Only who may change images may withdraw one.", messages.ERROR)
                return None
            return self.withdraw(request, [row])
        if not self.has_act_permission(request):
            self.message_user(request, "Only who may change builds may do that.", messages.ERROR)
            return None
        return super().press(request, row)

    @admin.action(description="Withdraw their images for good, with a public sentence", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, builds: Any) -> HttpResponse | None:
        rows = list(builds)
        images = list(Image.objects.filter(request__build__in=rows).select_related("request"))
        answer: HttpResponse | None = withdraw(self, request, images, rows)
        return answer
