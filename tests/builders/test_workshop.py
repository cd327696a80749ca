"""From a spec to images, with the demo distribution's real ImageBuilder in the real sandbox."""

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from builders.ledger import DatabaseLedger
from builders.notes import Notes
from builders.sources import API, ServerSources
from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Phase, Reason
from builders.workshop import Workshop
from tests.builders import demo_mirror
from tests.packages.mirrors import serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

DEVICE = "acme_rocket-1"
WORKSHOP = Workshop(DatabaseLedger())


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror that a test may spoil."""
    copy = tmp_path / "mirror"
    shutil.copytree(demo_mirror.mirror(), copy, copy_function=shutil.copyfile)
    return copy


def older() -> str:
    versions = json.loads((demo_mirror.mirror() / ".versions.json").read_text())
    return str(versions["oldstable_version"])


def build(spec: BuildSpec, out: Path, phases: list[Phase] | None = None) -> BuildResult:
    def report(phase: Phase, percent: int | None) -> None:
        if phases is not None and phase not in phases:
            phases.append(phase)

    return WORKSHOP.build(spec, out, report, lambda: True)


def failure(spec: BuildSpec, out: Path) -> BuildFailedError:
    with pytest.raises(BuildFailedError) as caught:
        build(spec, out)
    return caught.value


def images(result: BuildResult) -> dict[str, str]:
    return {file.name: file.sha256 for file in result.files if file.name.endswith(".bin")}


def test_images_come_out_and_a_second_build_needs_no_mirror(mirror: Path, tmp_path: Path) -> None:
    phases: list[Phase] = []
    spec = demo_mirror.spec_for("demo/generic", DEVICE, ("demo-sniff",), root=mirror, defaults="echo hello\n")

    first = build(spec, tmp_path / "out", phases)
    shutil.rmtree(mirror)
    second = build(spec, tmp_path / "again")

    assert phases == list(Phase)
    assert {file.name for file in first.files} == {path.name for path in (tmp_path / "out").iterdir()}
    assert {"demo-sniff", "libdemopcap", "busybox", "kernel"} <= first.manifest.keys()
    [profile] = first.profile_json["profiles"].values()
    assert {image["type"] for image in profile["images"]} == {"factory", "sysupgrade"}
    assert second.details["downloaded_bytes"] == 0
    assert second.files == first.files
    assert str(tmp_path) not in first.stdout + first.stderr + " ".join(first.build_cmd)


def test_a_worker_builds_the_same_from_what_the_main_server_has(mirror: Path, tmp_path: Path) -> None:
    spec = demo_mirror.spec_for("demo/generic", DEVICE, ("demo-sniff",), root=mirror)
    here = build(spec, tmp_path / "here")
    move_to_server(spec, mirror, tmp_path / "server")
    assert WORKSHOP.imagebuilders.remove(spec.imagebuilder.sha256)
    shutil.rmtree(django_settings.ASU_CACHE_DIR)

    with serving(tmp_path / "server") as server:
        worker = Workshop(Notes(), ServerSources(server.url))
        there = worker.build(replace(spec, keys=()), tmp_path / "there", lambda phase, percent: None, lambda: True)

    assert there.files == here.files
    assert there.manifest == here.manifest
    assert worker.imagebuilders.held() == [spec.imagebuilder.sha256]


def move_to_server(spec: BuildSpec, mirror: Path, server: Path) -> None:
    """The ImageBuilder and the indexes go to where the main server offers them; the mirror keeps the packages."""
    offered = {
        f"imagebuilders/{spec.imagebuilder.sha256}": mirror / spec.imagebuilder.url.removeprefix(mirror.as_uri() + "/")
    }
    for feed in spec.feeds:
        folder = mirror / feed.url.removeprefix(mirror.as_uri() + "/")
        (folder / "index").write_bytes(gzip.decompress((folder / "Packages.gz").read_bytes()))
        (folder / "Packages.gz").unlink()
        offered |= {
            f"indexes/{feed.index_sha256}": folder / "index",
            f"indexes/{feed.index_sha256}.sig": folder / "Packages.sig",
        }
    for name, path in offered.items():
        place = server / API / name
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)


def test_two_trees_with_keys_of_their_own_give_the_same_bytes(tmp_path: Path) -> None:
    spec = demo_mirror.spec_for("demo/generic", DEVICE, version=older())

    first = build(spec, tmp_path / "one")
    assert WORKSHOP.imagebuilders.remove(spec.imagebuilder.sha256)
    second = build(spec, tmp_path / "two")

    assert first.details["signatures_stripped"]
    assert images(first) == images(second)
    assert {file.name: file.sha256 for file in first.files} == {file.name: file.sha256 for file in second.files}


def test_a_manifest_is_that_of_the_image(tmp_path: Path) -> None:
    spec = demo_mirror.spec_for("demo/generic", DEVICE, ("demo-sniff", "libdemo"))

    resolved = WORKSHOP.manifest(spec, lambda phase, percent: None)

    assert resolved == build(spec, tmp_path / "out").manifest
    assert "demo-sniff" in resolved


def test_a_manifest_names_mistakes_as_a_build_does() -> None:
    spec = demo_mirror.spec_for("demo/generic", DEVICE, ("wpad-full",))

    with pytest.raises(BuildFailedError) as caught:
        WORKSHOP.manifest(spec, lambda phase, percent: None)

    assert caught.value.reason == Reason.PACKAGE_CONFLICT


@pytest.mark.parametrize(
    ("device", "packages", "reason", "named"),
    [
        (DEVICE, ("nosuchpackage",), Reason.UNKNOWN_PACKAGE, "'nosuchpackage'"),
        (DEVICE, ("wpad-full",), Reason.PACKAGE_CONFLICT, "'wpad-basic'"),
        (DEVICE, ("demo-fresh",), Reason.MISSING_DEPENDENCY, "'libdemo-api (>= 2)'"),
        (DEVICE, ("demo-clock", "demo-clock-ng"), Reason.FILE_CLASH, "'demo-clock'"),
        ("nosuchdevice", (), Reason.UNKNOWN_PROFILE, "'nosuchdevice'"),
    ],
)
def test_mistakes_of_the_user_are_named(
    tmp_path: Path, device: str, packages: tuple[str, ...], reason: Reason, named: str
) -> None:
    spec = demo_mirror.spec_for("demo/generic", DEVICE, packages, version=older())

    failed = failure(demo_mirror.with_profile(spec, device), tmp_path / "out")

    assert failed.reason == reason
    assert failed.reason.is_users
    assert named in failed.sentence
    assert failed.build_cmd[:2] == ["make", "image"]
    assert str(tmp_path) not in failed.stdout + failed.stderr + failed.sentence


def test_another_revision_is_refused_in_the_words_that_clients_know(tmp_path: Path) -> None:
    spec = demo_mirror.spec_for("demo/generic", DEVICE, version=older(), version_code="r1-abc")

    failed = failure(spec, tmp_path / "out")

    assert failed.reason == Reason.WRONG_VERSION_CODE
    assert failed.sentence.startswith("Received incorrect version r")


def test_a_package_that_changed_on_the_mirror_is_a_wrong_checksum(mirror: Path, tmp_path: Path) -> None:
    spec = demo_mirror.spec_for("demo/generic", DEVICE, ("demo-sniff",), root=mirror)
    for path in mirror.rglob("demo-sniff_*.ipk"):
        path.write_bytes(path.read_bytes()[:-1] + b"!")

    assert failure(spec, tmp_path / "out").reason == Reason.BAD_CHECKSUM


def test_a_build_that_is_cancelled_ends(tmp_path: Path) -> None:
    spec = demo_mirror.spec_for("demo/generic", DEVICE)

    with pytest.raises(BuildFailedError) as caught:
        WORKSHOP.build(spec, tmp_path / "out", lambda phase, percent: None, lambda: False)

    assert caught.value.reason == Reason.CANCELLED


def test_on_a_nearly_full_disk_nothing_is_begun(tmp_path: Path, settings: Settings) -> None:
    settings.ASU_MIN_FREE_MB = 10**12
    spec = demo_mirror.spec_for("demo/generic", DEVICE, version=older())

    error = failure(spec, tmp_path)

    assert error.reason == Reason.DISK_FULL
    assert "free some space" in error.sentence
    assert not list(settings.ASU_IMAGEBUILDER_DIR.glob("trees/*"))
