"""Which devices a release has, by the mirror's list of them, so that they are found before a target was read."""

import hashlib
import json
from collections.abc import Iterable

from django.db import transaction

from packages.exceptions import MirrorError, MirrorUnreachableError, NotOnMirrorError
from packages.models import ListedDevice, Release
from packages.parsing import versions as documents
from packages.parsing.versions import OverviewEntry
from packages.sync.run import Run, announce_change

OVERVIEW = ".overview.json"
# In a release's etags: names the list as it is stored.
DIGEST = "devices_sha256"
_BATCH = 500
_Key = tuple[str, str]  # target, profile
_Titles = list[dict[str, str]]


def sync_devices(run: Run, release: Release) -> None:
    """Rows for all devices that the release lists. Releases before 19.07 have no list: their targets tell, once read.

    A list that cannot be read, or is gone or empty for a moment, changes nothing and stands in the way of nothing else.
    MirrorUnreachableError passes through: then the rest would fail as well.
    """
    path = f"{release.path}/{OVERVIEW}"
    try:
        document = run.mirror.get(path, etag=run.etag(release, OVERVIEW))
        if document is None:
            return
        entries, etag = documents.parse_overview(document.data, path), document.etag
    except NotOnMirrorError:
        return
    except MirrorUnreachableError:
        raise
    except MirrorError as error:
        run.report.errors.append(f"{release}: {error}")
        return
    if entries:
        _store(run, release, entries, etag)


def _store(run: Run, release: Release, entries: Iterable[OverviewEntry], etag: str) -> None:
    wanted = {(entry.target, entry.name): entry.titles for entry in entries}
    digest = _digest(wanted)
    is_new = digest != release.etags.get(DIGEST, "")
    if not is_new and etag == run.etag(release, OVERVIEW):
        return
    with transaction.atomic():
        if is_new:
            _bring_in_line(release, wanted)
            run.report.listings += 1
            announce_change()
        release.etags = run.more_etags(release, **{OVERVIEW: etag, DIGEST: digest})
        release.save(update_fields=["etags"])


def _bring_in_line(release: Release, wanted: dict[_Key, _Titles]) -> None:
    """Only rows that differ are written: of a snapshot's thousands it is a few a day."""
    gone, same = [], set()
    rows = ListedDevice.objects.filter(release=release).values_list("pk", "target", "profile", "titles")
    for pk, target, profile, titles in rows.iterator(chunk_size=2000):
        if wanted.get((target, profile)) == titles:
            same.add((target, profile))
        else:
            gone.append(pk)
    for start in range(0, len(gone), _BATCH):
        ListedDevice.objects.filter(pk__in=gone[start : start + _BATCH]).delete()
    ListedDevice.objects.bulk_create(
        (
            ListedDevice(release=release, target=target, profile=profile, titles=titles)
            for (target, profile), titles in wanted.items()
            if (target, profile) not in same
        ),
        batch_size=_BATCH,
    )


def _digest(wanted: dict[_Key, _Titles]) -> str:
    return hashlib.sha256(json.dumps(sorted(wanted.items()), sort_keys=True).encode()).hexdigest()
