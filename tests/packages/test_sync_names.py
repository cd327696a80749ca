"""Names of releases and targets: what a mirror lists becomes rows, and a broken mirror changes none."""

import pytest

from packages import generation
from packages.models import Distribution, Release, Target
from packages.registry import add_targets
from packages.sync import SyncReport, sync_distribution
from tests.packages.mirrors import Handler, MirrorFolder, Server

pytestmark = pytest.mark.django_db


def sync(distribution: Distribution, **options: bool) -> SyncReport:
    report = sync_distribution(distribution, **options)  # type: ignore[arg-type]
    distribution.refresh_from_db()
    return report


def versions(**filters: object) -> set[str]:
    return set(Release.objects.filter(**filters).values_list("version", flat=True))


def offered(version: str) -> set[str]:
    rows = Target.objects.filter(release__version=version, is_enabled=True)
    return set(rows.values_list("name", flat=True))


def test_a_mirror_becomes_releases_channels_and_names_of_targets(distribution: Distribution) -> None:
    report = sync(distribution)

    assert report.errors == []
    assert versions(is_enabled=True) == {"24.10.2", "23.05.5", "SNAPSHOT"}
    assert offered("24.10.2") == {"ath79/generic", "x86/64"}
    assert distribution.stable_version == "24.10.2"
    assert Release.objects.get(version="SNAPSHOT").path == "snapshots"
    assert Release.objects.get(version="SNAPSHOT").is_snapshot
    assert Release.objects.get(version="24.10.2").channel.name == "24.10"
    assert Target.objects.get(name="x86/64").arch_packages == "x86_64"


def test_a_target_nobody_asked_for_costs_its_name_only(distribution: Distribution, server: Server) -> None:
    sync(distribution)

    assert not Target.objects.filter(synced_at__isnull=False).exists()
    assert not any("profiles.json" in path or "Packages" in path for _, path, _ in server.seen)


@pytest.mark.django_db(transaction=True)
def test_a_repeat_fetches_nothing_and_changes_nothing(distribution: Distribution, server: Server) -> None:
    sync(distribution)
    server.seen.clear()
    before, rows = generation.current(), list(Release.objects.values_list("id", "version"))

    report = sync(distribution)

    assert not report.has_changes
    assert {path for path in server.paths(200) if path.endswith(".json")} <= {"/snapshots/.targets.json"}
    assert all(method == "HEAD" for method, path, status in server.seen if status == 200)
    assert generation.current() == before
    assert list(Release.objects.values_list("id", "version")) == rows


def test_new_releases_and_targets_are_added(distribution: Distribution, folder: MirrorFolder) -> None:
    sync(distribution)
    folder.versions("24.10.3", "24.10.2", "23.05.5")
    folder.targets("releases/24.10.3", ath79__generic="mips_24kc")
    folder.targets("releases/23.05.5", ath79__generic="mips_24kc", x86__64="x86_64")

    report = sync(distribution)

    assert report.new_releases == ["24.10.3"]
    assert offered("24.10.3") == {"ath79/generic"}
    assert offered("23.05.5") == {"ath79/generic", "x86/64"}


def test_new_releases_wait_for_the_maintainer_when_told_so(distribution: Distribution) -> None:
    distribution.enables_new_releases = False
    distribution.save()

    sync(distribution)

    assert versions(is_enabled=True) == set()
    assert "24.10.2" in versions()


def test_releases_older_than_the_oldest_are_left_out(distribution: Distribution) -> None:
    distribution.oldest_version = "24.10"
    distribution.save()

    sync(distribution)

    assert versions() == {"24.10.2", "SNAPSHOT"}


def test_a_distribution_may_end_with_a_branch(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.versions("24.10.2", "23.05.5", "17.01.7", "17.01.6", "15.05.1")
    distribution.oldest_version = distribution.newest_version = "17.01"
    distribution.save()

    sync(distribution)

    assert versions() == {"17.01.7", "17.01.6"}


def test_a_release_that_vanished_is_disabled_and_comes_back(distribution: Distribution, folder: MirrorFolder) -> None:
    sync(distribution)
    kept = Release.objects.get(version="23.05.5").pk
    folder.versions("24.10.2")

    assert sync(distribution).vanished_releases == ["23.05.5"]
    assert not Release.objects.get(pk=kept).is_enabled
    assert offered("23.05.5") == {"ath79/generic"}

    folder.versions("24.10.2", "23.05.5")
    sync(distribution)

    assert Release.objects.get(pk=kept).is_enabled


def test_what_the_maintainer_disabled_stays_disabled(distribution: Distribution, folder: MirrorFolder) -> None:
    sync(distribution)
    Release.objects.filter(version="23.05.5").update(is_enabled=False)
    folder.versions("24.10.2", "23.05.5", "24.10.1")

    sync(distribution)

    assert not Release.objects.get(version="23.05.5").is_enabled


def test_a_target_that_vanished_is_disabled(distribution: Distribution, folder: MirrorFolder) -> None:
    sync(distribution)
    folder.targets("releases/24.10.2", x86__64="x86_64")

    sync(distribution)

    assert offered("24.10.2") == {"x86/64"}
    assert Target.objects.filter(release__version="24.10.2").count() == 2


@pytest.mark.parametrize(
    "content",
    [
        *("not json", "[]", "{}", '{"versions_list": []}', '{"versions_list": "24.10.2"}', "[" * 100_000),
        '{"versions_list": ["../../etc", "24.10.2\\n", "\uff12\uff14.10"]}',
    ],
)
def test_a_broken_list_of_versions_changes_no_row(
    distribution: Distribution, folder: MirrorFolder, content: str
) -> None:
    sync(distribution)
    folder.write(".versions.json", content)

    report = sync(distribution)

    assert len(report.errors) == 1
    assert ".versions.json" in report.errors[0]
    assert versions(is_enabled=True) == {"24.10.2", "23.05.5", "SNAPSHOT"}
    assert distribution.stale_since is not None
    assert ".versions.json" in distribution.sync_error


@pytest.mark.parametrize("content", ["{}", "no", '{"../..": "x", "ath79/generic\\n": "x"}', '{"ath79/generic": 1}'])
def test_a_broken_list_of_targets_changes_no_row(
    distribution: Distribution, folder: MirrorFolder, content: str
) -> None:
    sync(distribution)
    folder.write("releases/24.10.2/.targets.json", content)

    report = sync(distribution)

    assert any(".targets.json" in error for error in report.errors)
    assert offered("24.10.2") == {"ath79/generic", "x86/64"}
    assert Release.objects.get(version="24.10.2").stale_since is not None
    assert Release.objects.get(version="23.05.5").stale_since is None


def test_a_dead_mirror_is_said_once_and_mended_later(distribution: Distribution, server: Server) -> None:
    sync(distribution)
    server.faults["/.versions.json"] = lambda handler: handler.answer(500, b"")
    errors = [len(sync(distribution).errors), distribution.stale_since]

    # A second failure does not move the moment.
    assert [len(sync(distribution).errors), distribution.stale_since] == errors
    assert errors[0] == 1
    assert errors[1] is not None

    server.faults.clear()
    sync(distribution)
    assert (distribution.stale_since, distribution.sync_error) == (None, "")


def test_a_mirror_that_stops_answering_is_not_asked_for_everything(
    distribution: Distribution, folder: MirrorFolder, server: Server
) -> None:
    many = [f"24.10.{number}" for number in range(9)]
    folder.versions(*many)

    def fail(handler: Handler) -> None:
        handler.answer(503, b"")

    server.faults = {f"/releases/{version}/.targets.json": fail for version in many}
    server.faults["/snapshots/.targets.json"] = lambda handler: handler.answer(404, b"")

    report = sync(distribution)

    assert len([path for path in server.paths(503) if path.startswith("/releases")]) == 9
    assert "the mirror does not answer" in report.errors[-1]


def test_without_json_versions_and_targets_come_from_listings(distribution: Distribution, folder: MirrorFolder) -> None:
    for hidden in folder.root.rglob(".*.json"):
        hidden.unlink()
    folder.write("releases/17.01.7/targets/ar71xx/generic/sha256sums", "")
    folder.write("releases/packages-24.10/x", "")

    sync(distribution)

    assert versions() == {"24.10.2", "23.05.5", "17.01.7"}
    assert offered("17.01.7") == {"ar71xx/generic"}
    assert offered("24.10.2") == {"ath79/generic"}


def test_targets_directly_below_the_release_are_found(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.versions("15.05.1")
    folder.write("releases/15.05.1/ar71xx/generic/sha256sums", "")
    folder.write("releases/15.05.1/ar71xx/generic/packages/base/Packages", "")

    sync(distribution)

    target = Target.objects.get(release__version="15.05.1")
    assert target.name == "ar71xx/generic"
    assert target.path == "releases/15.05.1/ar71xx/generic"


def test_typed_in_releases_and_targets_survive_every_sync(distribution: Distribution, folder: MirrorFolder) -> None:
    add_targets(distribution, "15.05.1", ["ipq806x/generic"], "chaos_calmer/{version}")

    sync(distribution)
    folder.versions("24.10.2")
    report = sync(distribution)

    assert report.errors == []
    assert offered("15.05.1") == {"ipq806x/generic"}
    assert Target.objects.get(name="ipq806x/generic").path == "chaos_calmer/15.05.1/targets/ipq806x/generic"


def test_a_branch_snapshot_beside_the_releases_is_offered(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.targets("releases/24.10-SNAPSHOT", ath79__generic="mips_24kc")
    folder.write("releases/24.10-SNAPSHOT/note.txt", "")

    sync(distribution)

    release = Release.objects.get(version="24.10-SNAPSHOT")
    assert (release.channel.name, release.path, release.is_snapshot) == ("24.10", "releases/24.10-SNAPSHOT", True)


def test_another_mirror_address_is_read_in_full(distribution: Distribution, folder: MirrorFolder) -> None:
    sync(distribution)
    folder.versions("24.10.2", "22.03.7")
    distribution.url = f"file://{folder.root}"
    distribution.save()

    sync(distribution)

    assert "22.03.7" in versions(is_enabled=True)
