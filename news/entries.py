"""What is new, out of the rows of the catalogue: for a distribution, or for one device and some packages."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import Max, Min
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from images import device_links
from images.atom import Entry
from packages.boards import plain
from packages.models import Channel, Distribution, Package, PackageChange, Profile, Release, Target
from packages.querysets import listed
from packages.versions import version_key

MOST = 30  # entries of a feed
_MOST_CHANGES = 500
# A mirror that is silent for a while is nobody's news.
_SILENT = timedelta(hours=3)


def newest(entries: Iterator[Entry]) -> list[Entry]:
    """The newest first, no more than a feed holds."""
    return sorted(entries, key=lambda entry: (entry.at, entry.key), reverse=True)[:MOST]


# -- of a distribution -----------------------------------------------------------------------------------------


def of_distribution(row: Distribution) -> Iterator[Entry]:
    """Releases that came, branches that ended, packages that became others, and a mirror that is silent."""
    yield from _releases(row)
    yield from _ended(row)
    yield from _changes(row)
    if row.stale_since is not None and row.stale_since < timezone.now() - _SILENT:
        yield Entry(
            f"{row.name}/stale/{row.stale_since.isoformat()}",
            gettext("The mirror of %(name)s does not answer") % {"name": row},
            gettext("What is offered is the last good state."),
            "/status/",
            row.stale_since,
        )


def _releases(row: Distribution) -> Iterator[Entry]:
    rows = row.releases.filter(listed(), channel__is_snapshot=False).order_by("-seen_at", "-id")
    for version, seen_at in rows.values_list("version", "seen_at")[:MOST]:
        yield Entry(
            f"{row.name}/release/{version}",
            gettext("%(name)s %(version)s") % {"name": row, "version": version},
            gettext("Images of this release can be built now."),
            f"/devices/?distribution={row.name}",
            seen_at,
        )


def _ended(row: Distribution) -> Iterator[Entry]:
    """Branches whose last release left the mirror."""
    offered = row.releases.filter(listed()).values("channel_id")
    gone = Channel.objects.filter(distribution=row).exclude(pk__in=offered)
    for name, at in gone.annotate(at=Max("releases__vanished_at")).exclude(at=None).values_list("name", "at"):
        yield Entry(
            f"{row.name}/ended/{name}/{at.isoformat()}",
            gettext("%(name)s %(channel)s has ended") % {"name": row, "channel": name},
            gettext("None of its releases is on the mirror any more. Devices that run it can go to a newer branch."),
            "/updates/",
            at,
        )


def _changes(row: Distribution) -> Iterator[Entry]:
    """One entry for each release that has some: what it is about is the release."""
    rows = PackageChange.objects.filter(distribution=row).order_by("-id")[:_MOST_CHANGES]
    changes = sorted(((_place(change), change) for change in rows), key=lambda pair: (version_key(pair[0]), pair[0]))
    for place, group in groupby(changes, key=lambda pair: pair[0]):
        found = [change for _, change in group]
        words = {"name": row, "place": place, "count": len(found)}
        title = ngettext(
            "%(name)s %(place)s: a package changed its name or place",
            "%(name)s %(place)s: %(count)d packages changed their names or places",
            len(found),
        )
        text = "; ".join(map(_in_words, found))
        at = max(change.noted_at for change in found)
        yield Entry(f"{row.name}/changes/{place}", title % words, text, "/updates/", at)


def _in_words(change: PackageChange) -> str:
    words = {"old": ", ".join(change.sources), "new": ", ".join(change.targets)}
    if change.kind == PackageChange.Kind.DROPPED:
        return gettext("%(old)s: dropped") % words
    if change.kind == PackageChange.Kind.DEFAULT:
        return gettext("%(old)s: a default package now") % words
    if change.kind == PackageChange.Kind.ADDED:
        return gettext("%(new)s: needed now") % words
    return gettext("%(old)s is now %(new)s") % words


def _place(change: PackageChange) -> str:
    return change.version or f"r{change.revision}"


# -- of a device -----------------------------------------------------------------------------------------------


def releases_with(row: Distribution, target: str, profile: str) -> list[Target]:
    """The target in each release on offer that has the device, newest first. [] for a device that nobody has.

    Of a target whose documents are not here yet it is not known: it counts, unless another that is here lacks the
    device, too.
    """
    rows = Target.objects.filter(listed("release"), release__distribution=row, name=target, is_enabled=True)
    targets = sorted(
        rows.select_related("release__channel"), key=lambda found: version_key(found.release.version), reverse=True
    )
    complete = [found.pk for found in targets if found.is_complete]
    names = {profile, plain(profile)}
    having = set(Profile.objects.filter(target__in=complete, name__in=names).values_list("target_id", flat=True))
    if complete and not having:
        return []
    return [found for found in targets if found.pk in having or not found.is_complete]


def of_device(
    row: Distribution, targets: Sequence[Target], profile: str, version: str, names: Sequence[str]
) -> Iterator[Entry]:
    """Releases that have the device, newer than `version` where it is told; and its packages' present versions."""
    where = row.name, targets[0].name, profile
    for target in targets:
        release = target.release
        if release.is_snapshot or (version and version_key(release.version) <= version_key(version)):
            continue
        yield Entry(
            f"{'/'.join(where)}/release/{release.version}",
            gettext("%(name)s %(version)s for %(profile)s")
            % {"name": row, "version": release.version, "profile": profile},
            gettext("A newer release than yours can be built.") if version else gettext("It can be built now."),
            device_links.choose(*where, release.version, names),
            release.seen_at,
        )
    running = next((target for target in targets if target.release.version.upper() == version.upper()), None)
    chosen = running or next((target for target in targets if not target.release.is_snapshot), targets[0])
    if names and chosen.is_complete:
        yield from _packages(row, chosen, where, names)


def _packages(row: Distribution, target: Target, where: tuple[str, str, str], names: Sequence[str]) -> Iterator[Entry]:
    """Their present versions in a release, each since it is there."""
    release = target.release
    rows = Package.objects.filter(feed__targets=target, name__in=names)
    found = rows.values_list("name", "version").annotate(at=Min("seen_at")).order_by("name", "version")
    for name, version, at in found:
        yield Entry(
            f"{'/'.join(where)}/package/{release.version}/{name}/{version}",
            gettext("%(package)s %(version)s for %(name)s %(release)s")
            % {"package": name, "version": version, "name": row, "release": release.version},
            gettext("What the feeds of the release have now."),
            device_links.device(*where),
            at or release.seen_at,
        )


def begun_at(row: Distribution) -> datetime:
    """Since when there is anything to tell."""
    first: datetime | None = Release.objects.filter(distribution=row).aggregate(at=Min("seen_at"))["at"]
    return first or _EVER


_EVER = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
