"""The list of a release's devices: they are known before anybody asked for their targets."""

import json
from typing import Any

import pytest

from packages import generation
from packages.models import Distribution, ListedDevice
from packages.sync import sync_distribution
from tests.packages.mirrors import MirrorFolder, Server

pytestmark = pytest.mark.django_db

OVERVIEW = "releases/24.10.2/.overview.json"
ARCHER = {"id": "tplink_archer-c7-v2", "target": "ath79/generic", "titles": [{"vendor": "TP-Link", "model": "C7"}]}
PC = {"id": "generic", "target": "x86/64", "titles": [{"title": "Generic x86/64"}]}


def overview(folder: MirrorFolder, *devices: dict[str, Any], path: str = OVERVIEW) -> None:
    folder.write(path, {"release": "24.10.2", "profiles": list(devices)})


def listed(version: str = "24.10.2") -> set[tuple[str, str, str]]:
    rows = ListedDevice.objects.filter(release__version=version)
    return {(row.target, row.profile, str(row)) for row in rows}


def test_devices_are_listed_without_reading_their_target(distribution: Distribution, folder: MirrorFolder) -> None:
    overview(folder, ARCHER, PC)

    report = sync_distribution(distribution)

    assert report.errors == [] and report.listings == 1
    assert listed() == {
        ("ath79/generic", "tplink_archer-c7-v2", "TP-Link C7"),
        ("x86/64", "generic", "Generic x86/64"),
    }
    assert listed("23.05.5") == set()


def test_a_list_that_has_not_moved_is_neither_fetched_nor_written(
    distribution: Distribution, folder: MirrorFolder, server: Server, django_capture_on_commit_callbacks: Any
) -> None:
    overview(folder, ARCHER, PC)
    sync_distribution(distribution)
    server.seen.clear()
    rows, before = set(ListedDevice.objects.values_list("pk", flat=True)), generation.current()

    with django_capture_on_commit_callbacks(execute=True):
        report = sync_distribution(distribution)

    assert f"/{OVERVIEW}" in server.paths(304)
    assert not report.has_changes and generation.current() == before
    assert set(ListedDevice.objects.values_list("pk", flat=True)) == rows


def test_only_the_rows_that_differ_are_written(distribution: Distribution, folder: MirrorFolder) -> None:
    overview(folder, ARCHER, PC)
    sync_distribution(distribution)
    kept = ListedDevice.objects.get(profile="generic").pk
    overview(folder, {**ARCHER, "titles": [{"title": "Archer"}]}, PC, {**PC, "id": "other"})

    sync_distribution(distribution)

    assert {entry[2] for entry in listed()} == {"Archer", "Generic x86/64"}
    assert len(listed()) == 3
    assert ListedDevice.objects.get(profile="generic").pk == kept


def test_a_device_that_left_the_list_is_gone(distribution: Distribution, folder: MirrorFolder) -> None:
    overview(folder, ARCHER, PC)
    sync_distribution(distribution)
    overview(folder, PC)

    sync_distribution(distribution)

    assert {entry[1] for entry in listed()} == {"generic"}


@pytest.mark.parametrize("content", ["{", '{"profiles": 7}', '{"profiles": []}', '{"profiles": [{"id": "\\ud800"}]}'])
def test_a_broken_or_empty_list_changes_nothing_and_hinders_nothing(
    distribution: Distribution, folder: MirrorFolder, content: str
) -> None:
    overview(folder, ARCHER)
    sync_distribution(distribution)
    before = listed()
    folder.write(OVERVIEW, content)
    folder.targets("releases/24.10.2", ath79__generic="mips_24kc", x86__64="x86_64", new__one="x")

    report = sync_distribution(distribution)

    assert listed() == before
    assert report.new_targets == 1
    assert [error for error in report.errors if ".overview.json" not in error] == []
    assert bool(report.errors) == ('"profiles": []' not in content)


def test_a_list_that_is_gone_from_the_mirror_stays(distribution: Distribution, folder: MirrorFolder) -> None:
    overview(folder, ARCHER)
    sync_distribution(distribution)
    (folder.root / OVERVIEW).unlink()

    assert sync_distribution(distribution).errors == []
    assert len(listed()) == 1


def test_another_mirror_is_read_anew(distribution: Distribution, folder: MirrorFolder, server: Server) -> None:
    overview(folder, ARCHER)
    sync_distribution(distribution)
    Distribution.objects.filter(pk=distribution.pk).update(url=f"{server.url}/")
    distribution.refresh_from_db()
    server.seen.clear()

    sync_distribution(distribution)

    assert f"/{OVERVIEW}" in server.paths(200)
    assert len(listed()) == 1


def test_snapshots_have_a_list_too(distribution: Distribution, folder: MirrorFolder) -> None:
    overview(folder, ARCHER, path="snapshots/.overview.json")

    sync_distribution(distribution)

    assert len(listed("SNAPSHOT")) == 1


def test_names_that_are_none_are_left_out(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.write(
        OVERVIEW, json.dumps({"profiles": [ARCHER, {**ARCHER, "id": "../x"}, {**ARCHER, "target": "a/b/c"}, PC, PC]})
    )

    sync_distribution(distribution)

    assert len(listed()) == 2
