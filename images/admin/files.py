"""The files of all images: to find the image that a file is from, by the sum of the file."""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from images.models import ImageFile
from packages.admin import ReadOnly
from packages.lists.fast import FastList


@admin.register(ImageFile)
class ImageFileAdmin(ReadOnly, FastList):
    list_display = ("name", "image_link", "type", "bytes", "downloads", "short_sum")
    list_select_related = ("image__request",)
    searched = {"sha256": "hash", "image__request__request_hash": "hash"}
    search_help_text = "The beginning of a file's SHA-256, or of an image's hash"
    deferred = tuple(f"image__{name}" for name in ("profile_json", "manifest", "withdrawn_why")) + tuple(
        f"image__request__{name}" for name in ("canonical", "echo", "refusal")
    )
    fields = ("image", "name", "type", "filesystem", "size", "sha256", "sha256_unsigned", "md5", "downloads")

    class Media:
        css = {"all": ["admin-farm.css"]}

    @admin.display(description="image")
    def image_link(self, file: ImageFile) -> SafeString:
        url = reverse("admin:images_image_change", args=[file.image_id])
        asked = file.image.request
        where = f"{asked.distribution} {asked.version}"
        return format_html('<a href="{}">{}</a><span class="farm-under">{}</span>', url, asked.request_hash[:12], where)

    @admin.display(description="size")
    def bytes(self, file: ImageFile) -> str:
        return filesizeformat(file.size)

    @admin.display(description="SHA-256")
    def short_sum(self, file: ImageFile) -> str:
        return file.sha256[:12]
