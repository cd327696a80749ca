"""What an ImageBuilder says about itself, into rows: for releases that have no JSON documents (up to 18.06)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from django.db import transaction
from django.utils import timezone

from packages.exceptions import MirrorError
from packages.models import Feed, Target, mark_synced
from packages.parsing.types import Inspection, PackageEntry
from packages.sync.feeds import feeds_of_arch
from packages.sync.inheritance import base_of, hand_down
from packages.sync.rows import store_packages, store_profiles
from packages.sync.run import Run, announce_change
from packages.sync.states import refresh_state
from packages.sync.targets import INSPECTED, READ_FIELDS, complete_target


def store_inspection(target: Target, inspection: Inspection) -> None:
    """Profiles, default packages and the packages in the archive; then the target is complete.

    Only now is the architecture known, so its feeds are read here. MirrorError when that fails: the rows stay.
    For a flavour it is its base's target that was inspected.
    """
    if target.built_on_id is not None:
        store_inspection(base_of(target), inspection)
        complete_target(target)
        return
    run = Run(target.release.distribution)
    target.arch_packages = inspection.arch_packages or target.arch_packages
    try:
        feeds = feeds_of_arch(run, target)
    except MirrorError as error:
        run.failed(target, error)
        raise
    with transaction.atomic():
        Target.objects.select_for_update().get(pk=target.pk)
        own = target.feeds.filter(kind__in=[Feed.Kind.TARGET, Feed.Kind.KMODS])
        carried = _store_carried(target, inspection.packages)
        store_profiles(target, inspection.profiles)
        target.feeds.set([*own, *carried, *feeds])
        target.default_packages = inspection.default_packages
        target.version_code = inspection.version_code or target.version_code
        target.needs_inspection = False
        target.etags = {
            **target.etags,
            INSPECTED: target.imagebuilder_sha256,
            "profiles_sha256": _digest(inspection),
        }
        mark_synced(target, timezone.now())
        target.save(update_fields=READ_FIELDS)
        refresh_state(target)
        hand_down(target)
        announce_change()


def _store_carried(target: Target, entries: Sequence[PackageEntry]) -> list[Feed]:
    """The packages inside the archive as a feed of this target; its state is their names and versions."""
    if not entries:
        return []
    state = "\n".join(sorted(f"{entry.full_name} {entry.version}" for entry in entries))
    feed, _ = Feed.objects.get_or_create(
        release=target.release, path=target.path, kind=Feed.Kind.IMAGEBUILDER, defaults={"name": "imagebuilder"}
    )
    feed.index_sha256 = hashlib.sha256(state.encode()).hexdigest()
    mark_synced(feed, timezone.now())
    feed.save()
    store_packages(feed, entries)
    return [feed]


def _digest(inspection: Inspection) -> str:
    profiles = [asdict(profile) for profile in inspection.profiles]
    text = json.dumps([inspection.default_packages, profiles], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
