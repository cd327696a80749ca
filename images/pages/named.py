"""Pages of images for lists, under the names of devices and distributions also where there is no image yet."""

from collections.abc import Iterable

from images.models import ImageRequest
from images.pages.page import ImagePage
from packages.device_index import Section


def named_pages(rows: Iterable[ImageRequest], sections: Iterable[Section]) -> list[ImagePage]:
    """One for each row, without a question to the database."""
    known = {section.name: section for section in sections}
    pages = [ImagePage(row) for row in rows]
    for page in pages:
        request = page.request
        section = known.get(request.distribution)
        page.distribution = section.title if section else request.distribution
        if section and (device := section.shelf.by_key.get((request.target, request.profile))):
            page.title = device.title
    return pages
