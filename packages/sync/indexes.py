"""The index of one feed: fetched if it changed, believed if it is signed, parsed, kept in the index cache."""

import hashlib
from dataclasses import dataclass

from django.conf import settings

from packages import index_cache
from packages.exceptions import ChecksumError, NotOnMirrorError, SignatureError
from packages.models import Feed
from packages.parsing import apk, index_json, opkg
from packages.parsing.types import PackageEntry, PackageIndex
from packages.signatures import signer_of
from packages.sync.run import Run
from packages.sync.trust import signature_of
from packages.upstream import Document, gunzip

PACKED, PLAIN, ADB, JSON = "Packages.gz", "Packages", "packages.adb", "index.json"


@dataclass(slots=True)
class Index:
    """A verified index, already in the cache."""

    format: Feed.Format
    sha256: str
    entries: PackageIndex
    etags: dict[str, str]

    @property
    def skipped(self) -> int:
        """How many entries have names that we do not use."""
        return self.entries.skipped


def fetch_index(run: Run, path: str, feed: Feed | None, sums: dict[str, str]) -> Index | None:
    """The index in the folder `path`; None when it is the one of last time. NotOnMirrorError when there is none."""
    try:
        return _fetch(run, path, feed, sums)
    except (SignatureError, ChecksumError):
        # Index and signature are two files: the mirror may have been between them. Once more, all of it.
        return _fetch(run, path, None, sums)


def _fetch(run: Run, path: str, feed: Feed | None, sums: dict[str, str]) -> Index | None:
    for name in _candidates(feed, sums):
        etag = run.etag(feed, name) if feed is not None else ""
        try:
            document = run.mirror.get(f"{path}/{name}", etag=etag)
        except NotOnMirrorError:
            continue
        if document is None:
            return None
        is_in_sums = _is_in_sums(f"{path}/{name}", name, document, sums) and run.trust.pins_sums
        read = {ADB: _read_apk, JSON: _read_json}.get(name, _read_opkg)
        return read(run, path, name, document, is_in_sums)
    raise NotOnMirrorError(f"{path}: the mirror has no package index there.")


def _candidates(feed: Feed | None, sums: dict[str, str]) -> list[str]:
    """Names to try, the likeliest first: those of last time, or those that the sums name.

    index.json comes last: it has names and versions only, and no signature.
    """
    found = [PACKED, PLAIN, ADB, JSON]
    if feed is not None and feed.format == Feed.Format.APK:
        return [ADB, PACKED, PLAIN, JSON]
    if named := [name for name in found if name in sums]:
        return named
    return found


def _is_in_sums(path: str, name: str, document: Document, sums: dict[str, str]) -> bool:
    if name not in sums:
        return False
    if hashlib.sha256(document.data).hexdigest() != sums[name]:
        raise ChecksumError(f"{path}: not what the target's sha256sums say.")
    return True


def _read_opkg(run: Run, path: str, name: str, document: Document, is_in_sums: bool) -> Index:
    place = f"{path}/{PLAIN}"
    limit = settings.ASU_MAX_DOCUMENT_MB * 1024 * 1024
    data = gunzip(document.data, limit, name=f"{path}/{name}") if name == PACKED else document.data
    signature = signature_of(run.mirror, f"{place}.sig")
    run.trust.check_packages(place, data, signature, is_in_sums=is_in_sums)
    if not run.trust.usign:
        run.report.note(f"{run.distribution.name}: no usign key is pinned, package indexes are taken unsigned.")
    entries = opkg.parse(data, place)
    # A flavour's feeds are handed on with its keys, the base's are not.
    is_own = run.distribution.built_on_id is not None and signature is not None
    signer = signer_of(data, signature, run.trust.usign) if is_own and signature is not None else ""
    sha256 = index_cache.save(data, signature, signer=signer)
    return Index(Feed.Format.OPKG, sha256, entries, run.etags(**{name: document.etag}))


def _read_apk(run: Run, path: str, name: str, document: Document, is_in_sums: bool) -> Index:
    place = f"{path}/{name}"
    if not run.trust.apk and not is_in_sums:
        run.report.note(f"{run.distribution.name}: no apk key is pinned, package indexes are taken unsigned.")
    entries = apk.parse(document.data, place, keys=run.trust.apk)
    sha256 = index_cache.save(document.data, None)
    return Index(Feed.Format.APK, sha256, entries, run.etags(**{name: document.etag}))


def _read_json(run: Run, path: str, name: str, document: Document, is_in_sums: bool) -> Index:
    """Enough to check requests where the package manager's own index is not to be had."""
    place = f"{path}/{name}"
    if (run.trust.usign or run.trust.apk) and not is_in_sums:
        raise SignatureError(f"{place}: not signed, though keys are pinned for this distribution.")
    found = index_json.parse(document.data, place)
    entries = [PackageEntry(full_name=full, name=full, version=version) for full, version in found.packages.items()]
    sha256 = index_cache.save(document.data, None)
    return Index(Feed.Format.APK, sha256, PackageIndex(entries, found.skipped), run.etags(**{name: document.etag}))
