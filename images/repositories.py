"""The package repositories that a request names: which are allowed, and what they add to what a target offers.

Their indexes are read by the cluster, never by the thread of a request (`read`); a request whose repositories are not
known, or not lately, waits for that like one for a target whose documents are not here (`images.preparing`).
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from builders.spec import FeedSpec, KeySpec
from images.exceptions import RequestRefusedError
from images.validation import APPEND, Asked
from packages import allow_list, catalogue, sync
from packages.allow_list import Allowance
from packages.essential import ALWAYS_ESSENTIAL
from packages.exceptions import MirrorError, MirrorUnreachableError, NotCompleteError, NotOnMirrorError, SignatureError
from packages.models import Distribution, Feed, Release, Target
from packages.public_keys import PublicKey, read_keys
from packages.signatures import UsignPublicKey
from packages.sync import extra
from packages.target_catalogue import FeedInfo, KeyInfo, TargetCatalogue
from packages.web_addresses import WebAddress

_MOST_NAMED = 8  # addresses in a sentence


class NotReadError(NotCompleteError):
    """The target is known, but one of the repositories has to be read first."""


@dataclass(frozen=True)
class Offer:
    """What a request may choose from: the target's packages, or another set of feeds.

    `feeds` is None where they are those of the target.
    """

    tables: Sequence[Mapping[str, str]]
    feeds: tuple[FeedSpec, ...] | None = None

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """Names to versions; "" for what is only provided."""
        if len(self.tables) == 1:
            return self.tables[0]
        merged: dict[str, str] = {}
        for table in self.tables:
            for name, version in table.items():
                # A name that one feed only provides may be a real package of another.
                if not merged.get(name):
                    merged[name] = version
        return merged

    def versions_of(self, name: str) -> set[str]:
        """The versions in which the feeds have a package: the package manager takes the newest that fits."""
        return {version for table in self.tables if (version := table.get(name))}


@dataclass(frozen=True, slots=True)
class Named:
    """A repository that is no feed of the target's."""

    field: str
    address: WebAddress
    allowance: Allowance
    keys: tuple[PublicKey, ...]  # one of them has to sign


def check(asked: Asked) -> None:
    """RequestRefusedError for what could not be allowed whatever the target turns out to have."""
    for field, address in _addresses(asked):
        is_own = allow_list.is_on_a_mirror(asked.distribution, address)
        if not is_own and allow_list.find(asked.distribution, address) is None:
            raise _not_allowed(field, address, asked.distribution)


def offer(asked: Asked, target: TargetCatalogue) -> Offer:
    """What this request may choose from. NotReadError when a repository has to be read before that can be said."""
    if not asked.repositories:
        return Offer((target.packages,))
    own, named = _sides(asked, target)
    release_id = Target.objects.values_list("release_id", flat=True).get(pk=target.target_id)
    feeds = [_known(repository, release_id, target) for repository in named]
    extras = tuple(map(_spec, named, feeds))
    tables = [_table(feed, target) for feed in feeds]
    for repository, table in zip(named, tables, strict=True):
        _check_essential(repository, table, target)
    if asked.repositories_mode == APPEND or own == target.feeds:
        kept = tuple(map(feed_spec, target.feeds)) + extras
        return Offer((target.packages, *tables), kept if extras else None)
    # What an ImageBuilder carries is there whatever else is left out: its feed has no address.
    rows = Feed.objects.filter(targets=target.target_id).select_related("release__distribution")
    wanted = {(feed.kind, feed.url) for feed in own}
    tables = [*(_table(row, target) for row in rows if (row.kind, row.url) in wanted), *tables]
    return Offer(tables, tuple(map(feed_spec, own)) + extras)


def _check_essential(repository: Named, table: Mapping[str, str], target: TargetCatalogue) -> None:
    """The package manager takes the newest, so an empty `base-files` with a high version would be in the image unasked.

    A copy of the distribution's own does no harm. A flavour may well bring another one: its maintainers made the image.
    """
    for name in sorted(ALWAYS_ESSENTIAL & table.keys()):
        if table[name] and table[name] != target.packages.get(name):
            raise RequestRefusedError(
                400,
                f"{repository.field}: {repository.address} has {name} {table[name]}, and no device starts without the "
                f"one of {target.distribution} {target.version}. Name a repository that leaves it out.",
                field="repositories",
            )


def read(asked: Asked, target: TargetCatalogue) -> None:
    """Has what is not known lately read from the repositories. RequestRefusedError when that fails. Takes its time."""
    if not asked.repositories:
        return
    row = Target.objects.select_related("release").get(pk=target.target_id)
    for repository in _sides(asked, target)[1]:
        feed = extra.feed_of(row.release_id, repository.address)
        if feed is None or not _is_good(feed, repository, target):
            _read(repository, row.release, target)


def _read(repository: Named, release: Release, target: TargetCatalogue) -> None:
    kind = "apk" if target.package_manager == Feed.Format.APK else "usign"
    if not any(key.kind == kind for key in repository.keys):
        raise RequestRefusedError(
            400,
            f"{repository.field}: nobody vouches for {repository.address}: send the {kind} key that signs it in "
            "repository_keys.",
            field="repositories",
        )
    try:
        sync.read_repository(
            release, target.package_manager, repository.address, repository.keys, repository.allowance.bounds
        )
    except MirrorError as error:
        raise _failure(repository, error) from error


def _failure(repository: Named, error: MirrorError) -> RequestRefusedError:
    what = f"{repository.field}: {repository.address}"
    if isinstance(error, SignatureError):
        return RequestRefusedError(
            400,
            f"{what} is not signed as it has to be: {error} Send the key that signs it in repository_keys, where this "
            "server does not name the keys itself.",
            field="repositories",
        )
    if isinstance(error, NotOnMirrorError):
        return RequestRefusedError(400, f"{what} has no package index: {error}", field="repositories")
    if isinstance(error, MirrorUnreachableError):
        return RequestRefusedError(500, f"Error: {what} cannot be read just now: {error}", field="repositories")
    return RequestRefusedError(400, f"{what} cannot be used: {error}", field="repositories")


# -- which ----------------------------------------------------------------------------------------------------


def _addresses(asked: Asked) -> Iterable[tuple[str, WebAddress]]:
    for name, text in asked.repositories.items():
        yield f"repositories[{name}]", WebAddress.parse(text)


def _sides(asked: Asked, target: TargetCatalogue) -> tuple[tuple[FeedInfo, ...], list[Named]]:
    """Feeds of the target's own, what it carries included, and others that the operator allows; each once."""
    own_by_url = {feed.url.rstrip("/"): feed for feed in target.feeds if feed.url}
    aliases = _aliases(target.distribution)
    named: dict[WebAddress, Named] = {}
    chosen = {feed for feed in target.feeds if not feed.url}
    for field, address in _addresses(asked):
        url = _url_on_mirror(address, aliases)
        if url in own_by_url:
            chosen.add(own_by_url[url])
            continue
        allowance = allow_list.find(asked.distribution, address)
        if allowance is None:
            raise _not_allowed(field, address, asked.distribution, target)
        keys = allowance.keys or _keys_of(asked, target)
        named.setdefault(address, Named(field, address, allowance, keys))
    # In one order: which of two repositories has a package first must not depend on how a request is written, since
    # requests that differ in that alone are one build.
    others = sorted(named.values(), key=lambda other: str(other.address))
    return tuple(feed for feed in target.feeds if feed in chosen), others


def _aliases(distribution: str) -> list[tuple[WebAddress, str]]:
    """Addresses that people know the mirror by, and where we read it."""
    row = Distribution.objects.filter(name=distribution).first()
    found: list[tuple[WebAddress, str]] = []
    if row is None:
        return found
    for url in row.public_urls:
        with suppress(ValueError):  # an address that only an operator would write
            found.append((WebAddress.parse(url), row.url))
    return found


def _url_on_mirror(address: WebAddress, aliases: list[tuple[WebAddress, str]]) -> str:
    for alias, url in aliases:
        if address.is_within(alias):
            return "/".join((url.rstrip("/"), *address.segments[len(alias.segments) :]))
    return str(address)


def _keys_of(asked: Asked, target: TargetCatalogue) -> tuple[PublicKey, ...]:
    """Those that came with the request, and those of the distribution: repositories may well be signed by it.

    RequestRefusedError for a key that has the number of another one. Its owner chose it, and an ImageBuilder keeps keys
    by their numbers: the distribution's own would give way to it.
    """
    ours = _keys_of_target(target)
    keys = tuple(dict.fromkeys((*ours, *(PublicKey(*key) for key in asked.repository_keys))))
    numbers: dict[str, PublicKey] = {}
    for key in keys:
        number = UsignPublicKey.parse(key.text).fingerprint if key.kind == "usign" else ""
        if number and numbers.setdefault(number, key) != key and key not in ours:
            raise RequestRefusedError(
                400,
                f"repository_keys: {number} is the number of another key too; sign with a key of your own number.",
                field="repository_keys",
            )
    return keys


def _keys_of_target(target: TargetCatalogue) -> list[PublicKey]:
    known = (*target.keys, *(key for feed in target.feeds for key in feed.keys))
    return [plain for key in known if key.kind != "gpg" for plain in _plain(key)]


def _plain(key: KeyInfo) -> tuple[PublicKey, ...]:
    try:
        return read_keys(key.text)
    except SignatureError:  # it was pinned by hand, and fits nothing
        return ()


def _not_allowed(
    field: str, address: WebAddress, distribution: str, target: TargetCatalogue | None = None
) -> RequestRefusedError:
    row = Distribution.objects.filter(name=distribution).first()
    allowed = allow_list.allowed_addresses(row) if row else []
    own = (
        f"the feeds of {target.distribution} {target.version} {target.target}" if target else "the feeds of the target"
    )
    if not allowed:
        right = f"{own} and no others; extra repositories are not offered by this server"
    else:
        more = f" and {len(allowed) - _MOST_NAMED} more" if len(allowed) > _MOST_NAMED else ""
        right = f"{own}, and what is below {', '.join(allowed[:_MOST_NAMED])}{more}"
    return RequestRefusedError(
        400, f"{field}: {address} is not allowed here. Allowed are {right}.", field="repositories"
    )


# -- what is known of them ------------------------------------------------------------------------------------


def _known(repository: Named, release_id: int, target: TargetCatalogue) -> Feed:
    feed = extra.feed_of(release_id, repository.address)
    if feed is None or not _is_good(feed, repository, target):
        sentence = f"{repository.address} has to be read first. Ask again."
        raise NotReadError(sentence, target.target, target_id=target.target_id)
    return feed


def _table(feed: Feed, target: TargetCatalogue) -> Mapping[str, str]:
    table = catalogue.feed_table(feed)
    if table is None:
        raise NotReadError(f"{feed} has just moved on. Ask again.", target.target, target_id=target.target_id)
    return table


def _is_good(feed: Feed, repository: Named, target: TargetCatalogue) -> bool:
    """Read lately, in the format that the target needs, and signed by somebody whom this request trusts."""
    fits = feed.format == target.package_manager and extra.is_fresh(feed)
    return fits and bool(extra.signers_among(feed, repository.keys))


def _spec(repository: Named, feed: Feed) -> FeedSpec:
    """The feed as a worker gets it, with the key that signs it.

    Also where that is one of the distribution's or of the flavour's: it vouches for this feed, whether or not the image
    is built from the feeds that it is known by.
    """
    keys = tuple(KeySpec(key.kind, key.text) for key in extra.signers_among(feed, repository.keys)[:1])
    bounds = repository.allowance.bounds
    return FeedSpec(
        feed.name,
        feed.kind,
        feed.format,
        str(repository.address),
        feed.index_sha256,
        keys,
        within=bounds.within[0],
        is_inside_allowed=bounds.is_inside_allowed,
    )


def feed_spec(feed: FeedInfo) -> FeedSpec:
    """A feed of the catalogue as the builders know it."""
    keys = tuple(KeySpec(key.kind, key.text) for key in feed.keys)
    return FeedSpec(feed.name, feed.kind, feed.format, feed.url, feed.index_sha256, keys)
