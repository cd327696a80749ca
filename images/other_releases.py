"""Which other releases have the device of a request."""

from django.db.models import Exists, OuterRef

from images.models import ImageRequest
from packages.models import ListedDevice, Profile, Target
from packages.querysets import listed
from packages.versions import is_pre_release, version_key


def of_device(request: ImageRequest) -> list[str]:
    """Versions of the same distribution, stable ones first, then the newest first; not its own.

    Of targets that nobody asked for yet the mirror's list tells which devices they have, where it has one.
    """
    profiles = Profile.objects.filter(target=OuterRef("pk"), name=request.profile)
    named = ListedDevice.objects.filter(release=OuterRef("release"), target=OuterRef("name"), profile=request.profile)
    rows = Target.objects.filter(
        listed("release"),
        Exists(profiles) | Exists(named),
        name=request.target,
        is_enabled=True,
        release__distribution__name=request.distribution,
        release__distribution__is_enabled=True,
    )
    versions = set(rows.values_list("release__version", flat=True)) - {request.version}
    return sorted(versions, key=lambda version: (not is_pre_release(version), version_key(version)), reverse=True)
