"""Pages of images for lists, under the names of the devices also where there is no image yet."""

from collections.abc import Iterable

from images.models import ImageRequest
from images.pages.page import ImagePage
from packages.device_index import Section


def named_pages(rows: Iterable[ImageRequest], sections: Iterable[Section]) -> list[ImagePage]:
    """One for each row, without a question to the database."""
    devices = {section.name: section.shelf.by_key for section in sections}
    pages = [ImagePage(row) for row in rows]
    for page in pages:
        request = page.request
        device = devices.get(request.distribution, {}).get((request.target, request.profile))
        if device is not None:
            page.title = device.title
    return pages
