"""Adding a distribution, or changing the one of that name: what the command and the first start do."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from packages import names
from packages.addresses import check_url
from packages.definitions import SHIPPED, Definition, SeriesDefinition
from packages.exceptions import SignatureError
from packages.models import (
    Channel,
    Distribution,
    DistributionKey,
    PackageChange,
    Release,
    Series,
    SeriesFeed,
    Target,
    validate_distribution_name,
)
from packages.signatures import UsignPublicKey, dearmor, load_ec_key
from packages.sync.distributions import ensure_channel
from packages.sync.run import announce_change
from packages.versions import SNAPSHOT, channel_of

log = logging.getLogger(__name__)


class RegistrationError(ValueError):
    """What was given cannot be a distribution; the sentence says what to change."""


def add_distribution(
    name: str,
    *,
    url: str = "",
    title: str = "",
    keys: Iterable[str] = (),
    is_hosted: bool = False,
    oldest_version: str = "",
    built_on: str = "",
    package_words: str = "",
) -> tuple[Distribution, bool]:
    """The distribution, and whether it is new. Empty values are those of the shipped definition, or stay.

    `built_on` makes it a flavour of another one, which is added too if it is known by name; `url` is then where its
    feeds are.
    """
    try:
        validate_distribution_name(name)
    except ValidationError as error:
        raise RegistrationError(" ".join(error.messages)) from error
    shipped = SHIPPED.get(name)
    known = Distribution.objects.filter(name=name).first()
    base = _base(name, known, built_on or (shipped.built_on if shipped and known is None else ""))
    address = _address(name, url or (known.url if known else "") or (shipped.url if shipped else ""), base)
    if is_hosted and not address.startswith("file://"):
        raise RegistrationError("A distribution that is hosted here needs a file:// address.")
    if oldest_version and not names.VERSION.fullmatch(oldest_version):
        raise RegistrationError(f"{oldest_version!r} is no version.")
    kinds = [(key_kind(text), text) for text in keys]
    with transaction.atomic():
        row = known or Distribution(name=name)
        row.url = address
        row.title = title or row.title or (shipped.title if shipped else "")
        row.is_hosted = is_hosted or row.is_hosted
        row.oldest_version = oldest_version or row.oldest_version
        row.built_on = base or row.built_on
        row.package_words = package_words or row.package_words
        if known is None and shipped is not None:
            row.description = shipped.description
            row.package_words = package_words or shipped.package_words
            row.oldest_version = oldest_version or shipped.oldest_version
            row.newest_version = shipped.newest_version
            row.aliases = list(shipped.aliases)
        row.full_clean()
        row.save()
        if known is None and shipped is not None:
            _add_channels(row, shipped)
            for series in shipped.series:
                _add_shipped_series(row, series)
        if shipped is not None:
            _add_changes(row, shipped)
            _join_successor(row)
        for kind, text in kinds:
            DistributionKey.objects.get_or_create(distribution=row, kind=kind, text=text)
        announce_change()
    return row, known is None


def add_targets(distribution: Distribution, version: str, targets: Sequence[str], path_template: str = "") -> Release:
    """Type in a release and its targets: for mirrors that list neither. `path_template`: `chaos_calmer/{version}`."""
    if distribution.built_on is not None:
        raise RegistrationError("The releases of a flavour are those of its series: add one with --series.")
    version = SNAPSHOT if version.upper() == SNAPSHOT else version
    if not names.VERSION.fullmatch(version):
        raise RegistrationError(f"{version!r} is no version. It looks like 15.05.1.")
    for name in targets:
        if not names.TARGET.fullmatch(name):
            raise RegistrationError(f"{name!r} is no target. It looks like ath79/generic.")
    with transaction.atomic():
        channel = ensure_channel(distribution, version)
        if path_template:
            _set_path(channel, path_template)
        release, _ = Release.objects.get_or_create(
            distribution=distribution,
            version=version,
            defaults={"channel": channel, "is_manual": True, "is_enabled": True},
        )
        for name in targets:
            Target.objects.update_or_create(
                release=release, name=name, defaults={"is_manual": True, "is_enabled": True, "vanished_at": None}
            )
        announce_change()
    return release


def key_kind(text: str) -> str:
    """What kind of public key a file holds; RegistrationError if none that we know."""
    try:
        if "BEGIN PGP PUBLIC KEY BLOCK" in text:
            dearmor(text, "PUBLIC KEY BLOCK")
            return DistributionKey.Kind.GPG
        if "BEGIN PUBLIC KEY" in text:
            load_ec_key(text)
            return DistributionKey.Kind.APK
        UsignPublicKey.parse(text)
    except SignatureError as error:
        raise RegistrationError(
            f"This is no public key of usign, OpenPGP (ASCII-armoured) or apk (PEM, EC P-256): {error}"
        ) from error
    return DistributionKey.Kind.USIGN


def _base(name: str, known: Distribution | None, built_on: str) -> Distribution | None:
    """What a flavour is built on, added if it is one that ships; None where nothing was said of it."""
    if not built_on:
        return known.built_on if known else None
    if built_on == name:
        raise RegistrationError("A flavour is built on another distribution, not on itself.")
    base = Distribution.objects.filter(name=built_on).first()
    if base is None and built_on in SHIPPED:
        base, _ = add_distribution(built_on)
    if base is None:
        raise RegistrationError(f"There is no distribution {built_on!r} to build on. Add it first.")
    return base


def _address(name: str, url: str, base: Distribution | None) -> str:
    if not url and base is not None:
        return ""  # without feeds of its own
    if not url:
        raise RegistrationError(f"'{name}' is none of {', '.join(SHIPPED)}: say where its mirror is with --url.")
    try:
        return check_url(url)
    except ValueError as error:
        raise RegistrationError(str(error)) from error


def add_series(
    distribution: Distribution,
    name: str,
    *,
    base_releases: str = "",
    version_template: str = "",
    feeds: Mapping[str, str] | None = None,
    package_words: str = "",
) -> Series:
    """A series of a flavour, or the one of that name and these releases changed. Empty values stay as they are.

    `feeds`: name to path below the flavour's address.
    """
    if distribution.built_on is None:
        raise RegistrationError("Only a flavour has series: say what it is built on with --on.")
    with transaction.atomic():
        known = distribution.series.filter(name=name)
        series = known.filter(base_releases=base_releases).first() if base_releases else known.first()
        series = series or Series(distribution=distribution, name=name)
        series.base_releases = base_releases or series.base_releases
        series.version_template = version_template or series.version_template
        series.package_words = package_words or series.package_words
        _clean(series)
        series.save()
        for feed, path in (feeds or {}).items():
            row = series.feeds.filter(name=feed).first() or SeriesFeed(series=series, name=feed)
            row.path = path
            _clean(row)
            row.save()
        announce_change()
    return series


def _clean(row: Series | SeriesFeed) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        sentences = [f"{field}: {' '.join(found)}" for field, found in error.message_dict.items()]
        raise RegistrationError(" ".join(sentences)) from error


def _add_shipped_series(row: Distribution, definition: SeriesDefinition) -> None:
    series = add_series(
        row,
        definition.name,
        base_releases=definition.base_releases,
        version_template=definition.version_template,
        feeds={feed.name: feed.path for feed in definition.feeds},
        package_words=definition.package_words,
    )
    optional = [feed.name for feed in definition.feeds if feed.is_optional]
    series.feeds.filter(name__in=optional).update(is_optional=True)


def _set_path(channel: Channel, template: str) -> None:
    if "{version}" not in template or not all(
        names.FILE.fullmatch(part.replace("{version}", "v")) for part in template.split("/")
    ):
        raise RegistrationError(f"{template!r} is no path below the mirror. It looks like releases/{{version}}.")
    channel.path = template
    channel.save(update_fields=["path"])


def _add_channels(row: Distribution, definition: Definition) -> None:
    for channel in definition.channels:
        Channel.objects.create(
            distribution=row,
            name=channel.name,
            is_snapshot=channel_of(channel.name) == SNAPSHOT,
            path=channel.path,
            git_branch=channel.git_branch,
            branch_off_rev=channel.branch_off_rev,
        )


def _add_changes(row: Distribution, definition: Definition) -> None:
    """Those that are not there yet. What a maintainer wrote stays; what an older version of this server knew less of
    is filled in.
    """
    known = {(tuple(change.sources), tuple(change.targets)): change for change in row.package_changes.all()}
    for change in definition.changes:
        there = known.get((change.sources, change.targets))
        if there is not None and (there.version or there.why):
            continue
        there = there or PackageChange(distribution=row, sources=list(change.sources), targets=list(change.targets))
        there.kind, there.version, there.revision = change.kind, change.version, change.revision
        there.is_mandatory, there.why = change.is_mandatory, change.why
        there.save()


def _join_successor(row: Distribution) -> None:
    """The distribution that goes on after this one, and those that this one goes on after, as far as they are here."""
    shipped = SHIPPED[row.name]
    if shipped.successor:
        Distribution.objects.filter(pk=row.pk).update(
            successor=Distribution.objects.filter(name=shipped.successor).first()
        )
    before = [definition.name for definition in SHIPPED.values() if definition.successor == row.name]
    Distribution.objects.filter(name__in=before, successor=None).update(successor=row)
