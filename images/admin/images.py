"""Images: which are served, pinned, expired or withdrawn, how often they are downloaded, and what can be done."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from builders import queue
from builders.admin.live import LiveAdmin, Parts
from builders.admin.rows import device_cell
from images import services, tallies
from images.admin import filters
from images.admin.withdrawing import withdraw
from images.models import Image, ImageFile, ImageRequest
from packages.admin import ReadOnly
from packages.lists import search
from packages.lists.fast import SEARCH_HELP, FastChangeList, FastList


@admin.register(Image)
class ImageAdmin(ReadOnly, FastList, LiveAdmin):
    list_display = ("short_hash", "device", "standing", "published", "last_asked", "downloads")
    list_filter = (
        *(filters.StandingFilter, filters.RequestedFilter, filters.OfDistribution, filters.OfVersion),
        *(filters.OfTarget, filters.OfProfile),
    )
    list_select_related = ("request",)
    searched = {"request_hash": "hash", "profile": "text", "target": "text", "version": "text"}  # of their requests
    search_help_text = SEARCH_HELP
    deferred = ("profile_json", "manifest", "request__canonical", "request__echo", "request__refusal")
    actions = orders = ("pin", "unpin", "expire", "withdraw", "rebuild")
    fields = ("published_at", "last_asked_at", "expired_at", "withdrawn_at", "withdrawn_why")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Actions change images, though their fields are not for editing."""
        return request.user.has_perm("images.change_image")

    def may_press(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    # -- the list ------------------------------------------------------------------------------------------

    def newest_by(self, changelist: FastChangeList) -> str:
        """Where the request decides which rows there are, the list goes by its indexes."""
        if changelist.query:
            return "request_id"
        is_joined = any(spec.path and spec.value() for spec in changelist.filter_specs)  # type: ignore[attr-defined]
        return "request__created_at" if is_joined else "pk"

    def conditions_for(self, rows: "QuerySet[Any]", term: str) -> list[Q]:
        """By the ids of requests: joined to them, SQLite would look at and sort all that begin so."""
        asked = ImageRequest.objects.order_by()
        found = search.conditions(asked, self.searched, term)
        return [Q(request__in=asked.filter(condition).values("pk")) for condition in found]

    def look_up(self, rows: list[Any]) -> None:
        """Downloads, in one question."""
        found = ImageFile.objects.filter(image__in=rows).order_by().values_list("image")
        sums = dict(found.annotate(sum=Sum("downloads")))
        for row in rows:
            row.download_sum = sums.get(row.pk, 0)

    @admin.display(description="hash")
    def short_hash(self, image: Image) -> str:
        return image.request.request_hash[:12]

    @admin.display(description="device")
    def device(self, image: Image) -> SafeString:
        return device_cell(image.request)

    @admin.display(description="standing")
    def standing(self, image: Image) -> SafeString:
        return SafeString(render_to_string("admin/images/image/_standing.html", {"image": image}))

    @admin.display(description="published")
    def published(self, image: Image) -> SafeString:
        return format_html('<span class="farm-when">{}</span>', f"{image.published_at:%Y-%m-%d %H:%M}")

    @admin.display(description="last asked for")
    def last_asked(self, image: Image) -> SafeString:
        return format_html('<span class="farm-when">{}</span>', f"{image.last_asked_at:%Y-%m-%d %H:%M}")

    @admin.display(description="downloads")
    def downloads(self, image: Any) -> int:
        return int(image.download_sum)

    # -- the page ------------------------------------------------------------------------------------------

    def is_over(self, row: Image) -> bool:
        return True

    def parts_of(self, request: HttpRequest, row: Image) -> Parts:
        context = {"image": row, "links": _links(row), "kinds": tallies.by_kind(row), "days": tallies.by_day(row)}
        return {
            "head": SafeString(render_to_string("admin/images/image/_head.html", context)),
            "files": SafeString(render_to_string("admin/images/image/_files.html", _contents(row))),
            "buttons": self.part("_buttons.html", orders=_buttons(row) if self.may_press(request) else ()),
        }

    # -- buttons -------------------------------------------------------------------------------------------

    @admin.action(description="Pin: neither age nor a full store lets them expire", permissions=["act"])
    def pin(self, request: HttpRequest, images: Any) -> None:
        self._do(request, images, lambda image: image.is_served and services.pin(image), "Pinned")

    @admin.action(description="Unpin: they may expire again", permissions=["act"])
    def unpin(self, request: HttpRequest, images: Any) -> None:
        self._do(request, images, lambda image: services.pin(image, is_pinned=False), "Unpinned")

    @admin.action(description="Expire: remove the files, keep the page (not pinned ones)", permissions=["act"])
    def expire(self, request: HttpRequest, images: Any) -> None:
        self._do(request, images, _expire, "Expired")

    @admin.action(description="Withdraw: stop serving at once, for good, with a public sentence", permissions=["act"])
    def withdraw(self, request: HttpRequest, images: Any) -> HttpResponse | None:
        rows = list(images)
        answer: HttpResponse | None = withdraw(self, request, rows, rows)
        return answer

    @admin.action(description="Build again", permissions=["act"])
    def rebuild(self, request: HttpRequest, images: Any) -> None:
        self._do(request, images, _rebuild, "Queued again")

    def _do(self, request: HttpRequest, images: Any, act: Callable[[Image], bool], what: str) -> None:
        """Does it to each, logs it, and says to how many it made no difference."""
        rows = list(images)
        done = [image for image in rows if act(image)]
        if done:
            self.note(request, done, f"{what}.")
            self.message_user(request, f"{what}: {len(done)}.", messages.SUCCESS)
        if left := len(rows) - len(done):
            self.message_user(request, f"Left alone: {left}. It makes no sense as they stand.", messages.WARNING)


def _expire(image: Image) -> bool:
    if image.expired_at is not None or image.is_pinned:
        return False
    services.expire(image)
    return True


def _rebuild(image: Image) -> bool:
    """What was withdrawn stays so: built again it would be withheld again."""
    if image.withdrawn_at is not None or image.request.build is None:
        return False
    if image.expired_at is None:
        services.expire(image)
    image.request.build.refresh_from_db()
    return queue.retry(image.request.build)


def _buttons(image: Image) -> list[dict[str, Any]]:
    if image.withdrawn_at is not None:
        return []
    again = {"name": "rebuild", "label": "Build again", "hint": "Its files go, and it is queued"}
    grave = {"name": "withdraw", "label": "Withdraw …", "hint": "For good, with a public sentence", "is_grave": True}
    if image.is_pinned:
        return [{"name": "unpin", "label": "Unpin", "hint": "It may expire again"}, grave]
    if image.expired_at is not None:
        return [again, grave]
    pin = {"name": "pin", "label": "Pin", "hint": "Neither age nor a full store lets it expire"}
    return [pin, again, {"name": "expire", "label": "Expire", "hint": "Its files go, the page stays"}, grave]


def _contents(image: Image) -> dict[str, Any]:
    """Images before documents, and the packages by name."""
    files = sorted(image.files.all(), key=lambda file: (not file.type, file.name))
    return {"files": files, "manifest": sorted(image.manifest.items())}


def _links(image: Image) -> list[tuple[str, str]]:
    asked = image.request
    links = [
        ("Public page", reverse("images:detail", args=[asked.request_hash])),
        ("Request", reverse("admin:images_imagerequest_change", args=[asked.pk])),
    ]
    if asked.build_id is not None:
        links.append(("Build", reverse("admin:builders_build_change", args=[asked.build_id])))
    return links
