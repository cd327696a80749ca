"""A server that has been busy for a year: the full-size catalogue, a million builds, and what came of them.

    python bench/big.py FOLDER [--builds 1000000] [--catalogue openwrt-catalogue.json.xz] [--packages packages.xz]

Makes it in FOLDER to be looked at (`ASU_DATA_DIR=FOLDER script/server`); `bench/pages.py` makes one by itself. With
DATABASE_URL the rows go there instead, on PostgreSQL; that database has to be empty. The images have rows, not files.
"""

import argparse
import hashlib
import json
import lzma
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import bulk, catalogue
from stats.tallies import Ending, Tally

DAYS = 400  # that the builds are spread over
KEPT_DAYS = 30  # what is older has expired, mostly
PACKAGES = 250_000
WORKERS = 12
QUEUED, RUNNING = 120, 8  # of the newest builds
_VERSIONS = ("22.03.7", "23.05.6", "24.10.8", "25.12.5", "SNAPSHOT")
_CLIENTS = ("owut/2026.04.09", "luci/25.100.1-r1", "ofs/5.1.0", "auc/0.3.2", "asu/0.1.0", "")
_REASONS = {
    "missing_dependency": 30,
    "package_conflict": 18,
    "image_too_big": 22,
    "file_clash": 6,
    "unknown_package": 10,
    "mirror_unreachable": 6,
    "timeout": 3,
    "crash": 2,
    "bad_checksum": 2,
    "cancelled": 1,
}
_LOG = "make[1]: Entering directory '/builder'\nBuilding images...\nCalculating checksums...\n"
_ERROR = " * opkg_install_cmd: Cannot install package wpad-mesh.\nmake: *** [Makefile:159: package_install] Error 255\n"


# -- the catalogue -----------------------------------------------------------------------------------------


def load_catalogue(folder: Path, given: Path | None, packages: Path | None) -> None:
    """The mirror's documents by a real sync, and package rows of the usual number."""
    from packages.models import Distribution, Profile
    from packages.sync import sync_distribution

    releases = json.loads(lzma.decompress(given.read_bytes())) if given else invented()
    mirror = folder / "mirror"
    catalogue.write_mirror(mirror, releases)
    server, url = catalogue.serve(mirror)
    try:
        sync_distribution(Distribution.objects.create(name="openwrt", title="OpenWrt", url=url), full=True)
    finally:
        server.terminate()
        server.wait()
    if not Profile.objects.exists():
        raise SystemExit("The sync of the catalogue found no devices: are these documents as a mirror has them?")
    add_packages(lzma.decompress(packages.read_bytes()) if packages else b"")


def invented() -> dict[str, Any]:
    """A catalogue as large as OpenWrt's: 5 releases, 408 targets, 8,688 devices."""
    chance = random.Random(1)
    releases: dict[str, Any] = {version: {} for version in _VERSIONS}
    for number in range(408):
        version = _VERSIONS[number % 5]
        name = f"family{number % 41:02}/sub{number // 41 % 3}{number // 205 or ''}"
        profiles: dict[str, list[str]] = {
            f"vendor{chance.randrange(90)}_model-{number:03}-{device}": []
            for device in range(22 if number % 10 else 15)
        }
        place = name.replace("/", "-") if version == "SNAPSHOT" else f"{version}-{name.replace('/', '-')}"
        releases[version][name] = {
            "arch_packages": f"arch_{number % 13}",
            "imagebuilder": f"openwrt-imagebuilder-{place}.Linux-x86_64.tar.zst",
            "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
            "linux_kernel": {"version": "6.12.1", "release": "1", "vermagic": f"{number:032x}"},
            "default_packages": ["base-files", "busybox", "dropbear", "luci"],
            "profiles": profiles,
        }
    return releases


def add_packages(index: bytes) -> None:
    """The same packages in one feed of each architecture of each release, and those feeds at their targets."""
    from packages.models import Feed, Package, Release, Target
    from packages.parsing import opkg

    found = [(row.name, row.version, row.size) for row in opkg.parse(index)] if index else _invented_packages()
    places = set(Target.objects.exclude(arch_packages="").values_list("release_id", "arch_packages"))
    most = max(1, PACKAGES // len(places))
    feeds = []
    for release_id, arch in sorted(places):
        release = Release.objects.get(pk=release_id)
        path = f"{release.path}/packages/{arch}/packages"
        sha256 = hashlib.sha256(path.encode()).hexdigest()
        feed = Feed.objects.create(
            release=release, name="packages", kind=Feed.Kind.ARCH, path=path, index_sha256=sha256
        )
        for target in Target.objects.filter(release=release, arch_packages=arch):
            target.feeds.add(feed)
        feeds.append(feed.pk)
    bulk.insert(
        Package,
        ["feed_id", "name", "full_name", "version", "section", "description", "size"],
        (
            (feed, name, name, version, "net", f"What {name} is good for.", size)
            for feed in feeds
            for name, version, size in found[:most]
        ),
    )


def _invented_packages() -> list[tuple[str, str, int]]:
    chance = random.Random(2)
    return [
        (f"package-{number:04}", f"{number % 9}.{number % 7}-r1", chance.randrange(500, 900_000))
        for number in range(4000)
    ]


# -- builds ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Device:
    """What is built."""

    version: str
    target: str
    profile: str
    arch: str
    imagebuilder: str


@dataclass(frozen=True, slots=True)
class Story:
    """A build and what became of it."""

    pk: int
    device: Device
    at: datetime
    state: str
    reason: str
    worker: int | None
    client: int
    seconds: float

    @property
    def hash(self) -> str:
        return hashlib.sha256(b"build %d" % self.pk).hexdigest()


class Year:
    """All that happened, the same whenever it is told."""

    def __init__(self, count: int, devices: list[Device], workers: list[int]) -> None:
        self.count = count
        self._devices, self._workers = devices, workers
        self._now = datetime.now(UTC)

    def __iter__(self) -> Iterator[Story]:
        chance = random.Random(5)
        # Some devices and releases are asked for much more often than others.
        devices = chance.sample(self._devices, len(self._devices))
        many = len(devices)
        reasons, weights = list(_REASONS), list(_REASONS.values())
        for pk in range(1, self.count + 1):
            at = self._now - timedelta(days=DAYS * (1 - pk / self.count) ** 1.2, seconds=20)
            device = devices[int(many * chance.random() ** 3)]
            state = self._state(pk, at, chance.random())
            reason = chance.choices(reasons, weights)[0] if state == "failed" else ""
            worker = (
                None
                if state in ("queued", "dropped")
                else self._workers[int(len(self._workers) * chance.random() ** 2)]
            )
            yield Story(
                pk, device, at, state, reason, worker, int(5000 * chance.random() ** 2), 5 + 80 * chance.random()
            )

    def _state(self, pk: int, at: datetime, dice: float) -> str:
        if pk > self.count - QUEUED:
            return "queued"
        if pk > self.count - QUEUED - RUNNING:
            return "building"
        if pk % 20_000 == 7:
            return "parked"
        if dice < 0.12:
            return "failed"
        if dice < 0.15:
            return "dropped"
        is_old = (self._now - at).days >= KEPT_DAYS
        return "expired" if is_old and dice < 0.97 else "done"


def fill(builds: int) -> None:
    """Builds and all that hangs on them."""
    from builders.models import Attempt, Build
    from images.models import Image, ImageFile, ImageRequest

    year = Year(builds, _devices(), _add_workers())
    _tell("builds", Build, _BUILD, map(_build, year))
    _tell("attempts", Attempt, _ATTEMPT, (_attempt(story) for story in year if story.worker))
    _tell("requests", ImageRequest, _REQUEST, map(_request, year))
    _tell("images", Image, _IMAGE, (_image(story) for story in year if story.state in ("done", "expired")))
    files = (row for story in year if story.state in ("done", "expired") for row in _files(story))
    _tell("files", ImageFile, _FILE, files)
    count(year)
    _set_sequences()
    bulk.settle()


def _tell(what: str, model: Any, columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    began = time.perf_counter()
    many = bulk.insert(model, columns, rows)
    print(f"{many:10,} {what} in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def _devices() -> list[Device]:
    from packages.models import Profile

    rows = Profile.objects.values_list(
        "target__release__version", "target__name", "name", "target__arch_packages", "target__imagebuilder_sha256"
    )
    return [Device(*row) for row in rows]


def _add_workers() -> list[int]:
    from django.utils import timezone

    from builders.models import Worker

    rows = [Worker(name=f"builder-{number:02}", seen_at=timezone.now(), cpus=8, jobs=2) for number in range(WORKERS)]
    return [row.pk for row in Worker.objects.bulk_create(rows)]


_BUILD = [
    *("id", "spec_hash", "spec", "canonical", "state", "phase", "turn", "client", "distribution", "version", "target"),
    *("profile", "arch", "imagebuilder", "epoch", "attempts", "worker_id", "created_at", "queued_at", "started_at"),
    *("finished_at", "reason", "sentence", "stdout", "stderr", "build_cmd", "seconds"),
]


def _build(story: Story) -> tuple[Any, ...]:
    device, is_over = story.device, story.worker is not None and story.state != "building"
    spec = {
        "distribution": "openwrt",
        "version": device.version,
        "target": device.target,
        "profile": device.profile,
        "packages": ["luci", f"package-{story.pk % 4000:04}"],
        "imagebuilder": {
            "url": "https://mirror.example.org/ib",
            "file_name": "ib.tar.zst",
            "sha256": device.imagebuilder,
        },
        "feeds": [],
        "package_manager": "opkg",
        "arch_packages": device.arch,
        "version_code": "r1-0123456789",
        "default_packages": ["base-files", "busybox", "dropbear", "luci"],
    }
    started = _time(story.at + timedelta(seconds=9)) if story.worker else None
    finished = _time(story.at + timedelta(seconds=9 + story.seconds)) if is_over or story.state == "dropped" else None
    return (
        *(story.pk, story.hash, json.dumps(spec), f'{{"number":{story.pk}}}', story.state),
        *("building_image" if story.state == "building" else "", story.pk, f"{story.client:024x}", "openwrt"),
        *(device.version, device.target, device.profile, device.arch, device.imagebuilder),
        *(int(story.worker is not None), int(story.worker is not None), story.worker, _time(story.at), _time(story.at)),
        *(started, finished, story.reason, "It failed: see the log." if story.reason else "", _LOG if is_over else ""),
        *(_ERROR if story.reason else "", '["make", "image"]' if is_over else "[]", story.seconds if is_over else None),
    )


_ATTEMPT = ["build_id", "epoch", "worker_id", "worker_name", "started_at", "ended_at", "outcome"]


def _attempt(story: Story) -> tuple[Any, ...]:
    began, is_over = story.at + timedelta(seconds=9), story.state != "building"
    outcome = story.reason or ("done" if story.state in ("done", "expired") else "crashed" if is_over else "")
    ended = _time(began + timedelta(seconds=story.seconds)) if is_over else None
    return (story.pk, 1, story.worker, f"builder-{story.worker:02}", _time(began), ended, outcome)


_REQUEST = [
    *("id", "request_hash", "distribution", "version", "target", "profile", "echo", "client", "asker", "build_id"),
    "created_at",
]


def _request(story: Story) -> tuple[Any, ...]:
    device = story.device
    echo = {"version": device.version, "target": device.target, "profile": device.profile, "packages": ["luci"]}
    return (
        *(story.pk, story.hash, "openwrt", device.version, device.target, device.profile, json.dumps(echo)),
        *(_CLIENTS[story.pk % len(_CLIENTS)], f"{story.client:024x}", story.pk, _time(story.at)),
    )


_IMAGE = [
    *("id", "request_id", "profile_json", "manifest", "manifest_hash", "published_at", "last_asked_at", "expired_at"),
    *("withdrawn_at", "withdrawn_why"),
]
_MANIFEST = json.dumps({f"package-{number:04}": "1.0-r1" for number in range(60)})


def _image(story: Story) -> tuple[Any, ...]:
    device, end = story.device, story.at + timedelta(seconds=9 + story.seconds)
    vendor, _, model = device.profile.partition("_")
    document = {"profiles": {device.profile: {"titles": [{"vendor": vendor, "model": model}], "images": []}}}
    expired = _time(end + timedelta(days=KEPT_DAYS)) if story.state == "expired" else None
    withdrawn = _time(end) if story.pk % 50_000 == 11 else None
    return (
        *(story.pk, story.pk, json.dumps(document), _MANIFEST, story.hash[::-1], _time(end), _time(end), expired),
        *(withdrawn, "It had a hole." if withdrawn else ""),
    )


_FILE = ["image_id", "name", "type", "filesystem", "size", "sha256", "sha256_unsigned", "downloads"]


def _files(story: Story) -> Iterator[tuple[Any, ...]]:
    for number, kind in enumerate(("factory", "sysupgrade")):
        sha256 = hashlib.sha256(b"%d %d" % (story.pk, number)).hexdigest()
        name = f"openwrt-{story.device.version}-{story.device.profile}-squashfs-{kind}.bin"
        yield (story.pk, name, kind, "squashfs", 8_000_000, sha256, sha256, story.pk % 5)


def count(year: Year) -> None:
    """The counters of each day and their sums, as the builds' ends and the nights leave them."""
    from stats import periods
    from stats.models import DailyCount

    days: dict[date, Counter[Tally]] = defaultdict(Counter)
    for story in year:
        if story.state in ("done", "expired", "failed"):
            ending = _ending(story)
            days[ending.at.date()].update(ending.tallies())
    rows = ((day, *tally, number) for day, tallies in days.items() for tally, number in tallies.items())
    _tell("counters", DailyCount, ["day", *Tally._fields, "count"], rows)
    today = datetime.now(UTC).date()
    for day in days:
        if (today - day).days > periods.WHOLE_FOR:
            periods.shorten(day)
    periods.compact(today)
    periods.refresh(today)


def _ending(story: Story) -> Ending:
    device = story.device
    return Ending(
        story.at + timedelta(seconds=9 + story.seconds),
        "openwrt",
        reason=story.reason,
        version=device.version,
        target=device.target,
        profile=device.profile,
        packages=(f"package-{story.pk % 4000:04}",),
        client=_CLIENTS[story.pk % len(_CLIENTS)],
        waited=9.0,
        took=story.seconds,
    )


def _time(at: datetime) -> Any:
    from django.db import connection

    return connection.ops.adapt_datetimefield_value(at)


def _set_sequences() -> None:
    """The rows brought their own ids; PostgreSQL counts on from them."""
    from django.core.management.color import no_style
    from django.db import connection

    from builders.models import Build
    from images.models import Image, ImageRequest

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Build, Image, ImageRequest]):
            cursor.execute(statement)


# -- from the command line ---------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much there is, and of what."""
    parser.add_argument("--builds", type=int, default=1_000_000)
    parser.add_argument("--catalogue", type=Path, help="releases, targets and profiles (.json.xz); else invented ones")
    parser.add_argument("--packages", type=Path, help="a Packages index (.xz); else invented packages")


def make(folder: Path, options: argparse.Namespace) -> None:
    """All of it, in the database that Django was set up with."""
    load_catalogue(folder, options.catalogue, options.packages)
    fill(options.builds)


def main() -> None:
    """Set Django up and make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    add_arguments(parser)
    options = parser.parse_args()
    os.environ.update(ASU_DATA_DIR=str(options.folder), LOG_LEVEL="ERROR", DJANGO_SETTINGS_MODULE="asu_site.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    make(options.folder, options)


if __name__ == "__main__":
    main()
