"""What was asked for and built of releases: counted for a maintainer who decides about them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from django.db.models import Q
from django.utils.translation import ngettext_lazy

from images.models import Image, ImageRequest
from packages.impact import RECENT, Places, bounded, words

MOST_IMAGES = 1000  # each is a look at its request too

_REQUESTS = ngettext_lazy("%(count)s request so far", "%(count)s requests so far", "n")
_IMAGES = ngettext_lazy("%(count)s image that can be downloaded", "%(count)s images that can be downloaded", "n")


def counts(places: Places) -> Iterator[str]:
    """Requests so far, and images whose files are here."""
    if not places:
        return
    yield words(bounded(ImageRequest.objects.filter(_of(places))), _REQUESTS)
    served = Image.objects.filter(_of(places, "request__"), expired_at=None, withdrawn_at=None)
    count = bounded(served, MOST_IMAGES)
    yield words(count, _IMAGES, MOST_IMAGES)


def wishes(distribution: str, packages: Sequence[str]) -> int:
    """How many of the newest requests for a distribution name one of these packages."""
    wanted = set(packages)
    rows = ImageRequest.objects.filter(distribution=distribution).order_by("-id")
    listed = rows.values_list("echo__packages", flat=True)[:RECENT]
    return sum(1 for names in listed if isinstance(names, list) and not wanted.isdisjoint(map(str, names)))


def _of(places: Places, start: str = "") -> Q:
    versions: dict[str, list[str]] = defaultdict(list)
    for distribution, version in places:
        versions[distribution].append(version)
    found = Q()
    for distribution, known in versions.items():
        found |= Q(**{f"{start}distribution": distribution, f"{start}version__in": known})
    return found
