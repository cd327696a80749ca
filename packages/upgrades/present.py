"""A list of packages with names of older releases, by the names of a release."""

from collections.abc import Container, Iterable

from packages.changes import Offer, apply
from packages.models import Release
from packages.target_catalogue import TargetCatalogue
from packages.upgrades.history import History


def present_names(names: Iterable[str], place: TargetCatalogue, known: Container[str]) -> list[str]:
    """What took the place of packages that are not `known` there any more, by the package changes up to that release.

    Where the list comes from is not told: so what is known stays as it is. What nothing is known about stays too.
    """
    release = Release.objects.select_related("channel", "distribution", "built_on__channel").get(
        targets=place.target_id
    )
    history = History((release.distribution,), release, release, (place.version_code, place.version_code))
    found, _ = apply(names, history.changes, Offer(known, frozenset()), history.is_crossed, is_absolute=True)
    return found
