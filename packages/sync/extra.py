"""Repositories that requests name: the index of one, fetched within bounds, believed if it is signed, into rows."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from packages import index_cache
from packages.exceptions import ChecksumError, NotOnMirrorError, SignatureError, TooLargeError
from packages.models import Feed, Release, mark_synced
from packages.parsing import apk, opkg
from packages.parsing.types import PackageIndex
from packages.public_keys import PublicKey
from packages.signatures import signer_of
from packages.sync.indexes import ADB, PACKED, PLAIN
from packages.sync.rows import store_packages
from packages.sync.trust import signature_of
from packages.upstream import Bounds, Document, Mirror, gunzip
from packages.web_addresses import WebAddress

MAX_PACKAGES = 20_000  # of one repository
MAX_RELATIONS = 500_000  # names that they depend on, provide or exclude: web processes keep them in memory
MAX_SIGNERS = 8
MAX_FEEDS = 300  # of all requests; the ones longest not asked for go
KEPT = timedelta(days=3)  # since the last request that named it


def feed_of(release_id: int, address: WebAddress) -> Feed | None:
    """What is known of a repository in a release."""
    return Feed.objects.filter(
        release_id=release_id, kind=Feed.Kind.EXTRA, root=address.root, path=address.path
    ).first()


def is_fresh(feed: Feed) -> bool:
    """Whether it need not be asked again yet."""
    patience = timedelta(minutes=settings.ASU_REPOSITORY_MINUTES)
    return feed.synced_at is not None and timezone.now() - feed.synced_at < patience


def signers_among(feed: Feed, keys: Sequence[PublicKey]) -> tuple[PublicKey, ...]:
    """Those of the keys whose signatures are on the index that we have."""
    signers = {(kind, text) for kind, text in feed.signers}
    return tuple(key for key in keys if (key.kind, key.text) in signers)


def read_repository(
    release: Release, format: str, address: WebAddress, keys: Sequence[PublicKey], bounds: Bounds
) -> Feed:
    """The repository's row, as the repository is now. MirrorError when it cannot be had or none of `keys` signed it.

    Asked only for what changed, unless the index that we have was signed by others.
    """
    mirror = Mirror(str(address), bounds)
    known = feed_of(release.pk, address)
    if known is not None and (known.format != format or not signers_among(known, keys)):
        known = None
    read = _read_apk if format == Feed.Format.APK else _read_opkg
    try:
        found = read(mirror, known, keys)
    except (SignatureError, ChecksumError):
        # Index and signature are two files: the repository may have been between them. Once more, all of it.
        found = read(mirror, None, keys)
    if found is None:
        assert known is not None, "nothing conditional was asked"
        mark_synced(known, timezone.now())
        known.save(update_fields=["synced_at", "stale_since", "sync_error"])
        return known
    return _store(release, Feed.Format(format), address, found)


def forget_unused() -> int:
    """Removes the rows of repositories that no request has named for a while, and indexes that no feed has any more.

    Says how many repositories.
    """
    rows = Feed.objects.filter(kind=Feed.Kind.EXTRA)
    newest = list(rows.order_by("-synced_at").values_list("pk", flat=True)[:MAX_FEEDS])
    old = list(rows.filter(synced_at__lt=timezone.now() - KEPT) | rows.exclude(pk__in=newest))
    for feed in old:
        feed.delete()
    index_cache.forget_others(set(Feed.objects.values_list("index_sha256", flat=True)))
    return len(old)


class _Found:
    """A verified index, already in the cache."""

    def __init__(self, sha256: str, entries: PackageIndex, etags: dict[str, str], signer: PublicKey) -> None:
        if len(entries) > MAX_PACKAGES:
            raise TooLargeError(f"more than {MAX_PACKAGES} packages.")
        relations = sum(len(entry.depends) + len(entry.provides) + len(entry.conflicts) for entry in entries)
        if relations > MAX_RELATIONS:
            raise TooLargeError(f"its packages depend on, provide or exclude more than {MAX_RELATIONS} others.")
        self.sha256, self.entries, self.etags, self.signer = sha256, entries, etags, signer


def _read_opkg(mirror: Mirror, known: Feed | None, keys: Sequence[PublicKey]) -> _Found | None:
    name, document = _first_of(mirror, known, PACKED, PLAIN)
    if document is None:
        return None
    limit = settings.ASU_MAX_DOCUMENT_MB * 1024 * 1024
    data = gunzip(document.data, limit, name=name) if name == PACKED else document.data
    signature = signature_of(mirror, f"{PLAIN}.sig")
    if signature is None:
        raise SignatureError(f"{PLAIN} is not signed: there is no {PLAIN}.sig.")
    signer = _usign_signer(data, signature, keys)
    entries = opkg.parse(data, PLAIN)
    return _Found(index_cache.save(data, signature, signer=signer.text), entries, {name: document.etag}, signer)


def _read_apk(mirror: Mirror, known: Feed | None, keys: Sequence[PublicKey]) -> _Found | None:
    name, document = _first_of(mirror, known, ADB)
    if document is None:
        return None
    texts = [key.text for key in keys if key.kind == "apk"]
    if not texts:
        raise SignatureError("there is no apk key (PEM) to check it with.")
    signer = PublicKey("apk", apk.verify(document.data, texts, name))
    entries = apk.parse(document.data, name)
    return _Found(index_cache.save(document.data, None), entries, {name: document.etag}, signer)


def _first_of(mirror: Mirror, known: Feed | None, *names: str) -> tuple[str, Document | None]:
    """The first of the documents that is there; None instead of it when it is the one of last time."""
    for name in names:
        try:
            return name, mirror.get(name, etag=str(known.etags.get(name, "")) if known else "")
        except NotOnMirrorError:
            continue
    raise NotOnMirrorError(f"there is no {names[0]}.")


def _usign_signer(data: bytes, signature: bytes, keys: Sequence[PublicKey]) -> PublicKey:
    texts = [key.text for key in keys if key.kind == "usign"]
    if not texts:
        raise SignatureError("there is no usign key to check it with.")
    return PublicKey("usign", signer_of(data, signature, texts))


def _store(release: Release, format: Feed.Format, address: WebAddress, found: _Found) -> Feed:
    name = f"extra-{hashlib.sha256(str(address).encode()).hexdigest()[:12]}"
    with transaction.atomic():
        # Within the release's lock: two that read the same repository at once would both write its packages.
        Release.objects.select_for_update().get(pk=release.pk)
        feed, is_new = Feed.objects.get_or_create(
            release=release,
            kind=Feed.Kind.EXTRA,
            root=address.root,
            path=address.path,
            defaults={"name": name, "format": format},
        )
        signer = [found.signer.kind, found.signer.text]
        has_moved = is_new or feed.index_sha256 != found.sha256
        others = [] if has_moved else [other for other in feed.signers if other != signer]
        feed.signers = [signer, *others][:MAX_SIGNERS]
        feed.format, feed.index_sha256, feed.etags = format, found.sha256, found.etags
        if has_moved:
            store_packages(feed, found.entries)
        mark_synced(feed, timezone.now())
        feed.save()
    return feed
