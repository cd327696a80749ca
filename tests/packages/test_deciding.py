"""What a maintainer decides stays decided, whatever the mirror says."""

import pytest

from packages import deciding
from packages.deciding import DecisionError
from packages.models import Distribution, Release, Target
from packages.sync import sync_distribution
from tests.packages.mirrors import MirrorFolder

pytestmark = pytest.mark.django_db


@pytest.fixture
def synced(distribution: Distribution) -> Distribution:
    sync_distribution(distribution, release="24.10.2", target="ath79/generic")
    sync_distribution(distribution)
    return distribution


def release(version: str = "24.10.2") -> Release:
    return Release.objects.select_related("distribution", "channel").get(version=version)


def sync(distribution: Distribution) -> list[str]:
    distribution.refresh_from_db()
    return sync_distribution(distribution).errors


def test_a_stable_release_chosen_by_hand_stays_over_syncs(synced: Distribution, folder: MirrorFolder) -> None:
    deciding.choose_stable(release("23.05.5"))

    folder.versions("24.10.2", "23.05.5", "24.10.3", stable="24.10.3")
    folder.targets("releases/24.10.3", ath79__generic="mips_24kc")
    sync(synced)

    synced.refresh_from_db()
    assert (synced.stable_version, synced.mirror_stable) == ("23.05.5", "24.10.3")
    deciding.follow_mirror(synced)
    synced.refresh_from_db()
    assert (synced.stable_version, synced.chosen_stable) == ("24.10.3", "")


def test_what_is_not_on_offer_cannot_be_the_stable_release(synced: Distribution) -> None:
    for version in ("24.10.2", "SNAPSHOT"):
        Release.objects.filter(version="24.10.2").update(is_enabled=False)
        with pytest.raises(DecisionError):
            deciding.choose_stable(release(version))


def test_a_pinned_release_stays_with_its_targets_when_the_mirror_loses_it(
    synced: Distribution, folder: MirrorFolder
) -> None:
    deciding.pin(Release.objects.filter(version="23.05.5"), True)

    folder.versions("24.10.2", stable="24.10.2")
    folder.targets("releases/23.05.5", x86__64="x86_64")
    assert sync(synced) == []

    assert (release("23.05.5").is_enabled, release("23.05.5").is_kept) == (True, True)
    assert Target.objects.get(release__version="23.05.5", name="ath79/generic").is_enabled


def test_a_pinned_release_whose_folder_is_gone_is_no_error(synced: Distribution, folder: MirrorFolder) -> None:
    deciding.pin(Release.objects.filter(version="23.05.5"), True)
    folder.versions("24.10.2", stable="24.10.2")
    (folder.root / "releases/23.05.5/.targets.json").unlink()

    assert sync(synced) == []
    assert sync(synced) == []
    assert release("23.05.5").is_enabled


def test_without_the_pin_what_the_mirror_lost_goes_at_once(synced: Distribution, folder: MirrorFolder) -> None:
    deciding.pin(Release.objects.filter(version="23.05.5"), True)
    folder.versions("24.10.2", stable="24.10.2")
    sync(synced)

    deciding.pin(Release.objects.filter(version="23.05.5"), False)

    assert not release("23.05.5").is_enabled


def test_new_releases_wait_where_none_are_offered_by_themselves(synced: Distribution, folder: MirrorFolder) -> None:
    Distribution.objects.update(enables_new_releases=False)
    folder.versions("24.10.3", "24.10.2", "23.05.5", stable="24.10.2")
    synced.refresh_from_db()

    report = sync_distribution(synced)

    assert (report.waiting_releases, report.new_releases) == (["24.10.3"], [])
    assert (release("24.10.3").is_enabled, release("24.10.3").awaits_decision) == (False, True)


def test_a_release_that_waits_is_not_offered_because_it_went_and_came_back(
    synced: Distribution, folder: MirrorFolder
) -> None:
    Distribution.objects.update(enables_new_releases=False)
    for versions in (("24.10.3", "24.10.2"), ("24.10.2",), ("24.10.3", "24.10.2")):
        folder.versions(*versions, stable="24.10.2")
        sync(synced)

    assert (release("24.10.3").is_enabled, release("24.10.3").awaits_decision) == (False, True)


@pytest.mark.parametrize("says_yes", [True, False])
def test_a_decision_is_kept_over_syncs(synced: Distribution, folder: MirrorFolder, says_yes: bool) -> None:
    Distribution.objects.update(enables_new_releases=False)
    folder.versions("24.10.3", "24.10.2", "23.05.5", stable="24.10.2")
    folder.targets("releases/24.10.3", ath79__generic="mips_24kc")
    sync(synced)

    rows = Release.objects.filter(version="24.10.3")
    deciding.switch(rows, True) if says_yes else deciding.decline(rows)
    Distribution.objects.update(etags={})
    sync(synced)

    assert (release("24.10.3").is_enabled, release("24.10.3").awaits_decision) == (says_yes, False)
