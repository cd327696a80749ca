"""What was asked for and built of releases: counted for a maintainer who decides about them."""

from collections import defaultdict
from collections.abc import Iterator

from django.db.models import Q

from images.models import Image, ImageRequest
from packages.impact import Places, bounded, words


def counts(places: Places) -> Iterator[str]:
    """Requests so far, and images whose files are here."""
    if not places:
        return
    yield words(bounded(ImageRequest.objects.filter(_of(places))), "request so far", "requests so far")
    served = Image.objects.filter(_of(places, "request__"), expired_at=None, withdrawn_at=None)
    yield words(bounded(served), "image that can be downloaded", "images that can be downloaded")


def _of(places: Places, start: str = "") -> Q:
    versions: dict[str, list[str]] = defaultdict(list)
    for distribution, version in places:
        versions[distribution].append(version)
    found = Q()
    for distribution, known in versions.items():
        found |= Q(**{f"{start}distribution": distribution, f"{start}version__in": known})
    return found
