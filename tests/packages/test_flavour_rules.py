"""What a maintainer may say of a flavour, and what is refused with a sentence."""

import pytest
from django.core.exceptions import ValidationError

from packages import catalogue
from packages.models import Distribution, NetworkProfile, Organisation, Series, SeriesFeed
from packages.sync import sync_distribution
from tests.packages.flavours import read

pytestmark = pytest.mark.django_db


def test_a_flavour_is_built_on_another_distribution_one_level_deep(flavour: Distribution) -> None:
    base = Distribution.objects.get(name="openwrt")

    flavour.built_on = flavour
    with pytest.raises(ValidationError, match="not on itself"):
        flavour.full_clean()
    with pytest.raises(ValidationError, match="is a flavour itself"):
        Distribution(name="lemon", built_on=Distribution.objects.get(name="lime")).full_clean()
    base.built_on = Distribution.objects.create(name="other", url="https://x.org")
    with pytest.raises(ValidationError, match="Flavours are built on this distribution"):
        base.full_clean()


def test_a_distribution_with_releases_of_its_own_does_not_become_a_flavour(distribution: Distribution) -> None:
    sync_distribution(distribution)
    distribution.built_on = Distribution.objects.create(name="other", url="https://x.org")

    with pytest.raises(ValidationError, match="releases from a mirror of its own"):
        distribution.full_clean()


def test_only_a_flavour_does_without_a_mirror_and_has_words_and_files() -> None:
    with pytest.raises(ValidationError, match="Say where the mirror is"):
        Distribution(name="lemon").full_clean()
    with pytest.raises(ValidationError, match="Only a flavour has words"):
        Distribution(name="lemon", url="https://x.org", package_words="vim").full_clean()
    network = NetworkProfile.objects.create(name="a/b", is_general=True)
    with pytest.raises(ValidationError, match="Only a flavour has files"):
        Distribution(name="lemon", url="https://x.org", network_profile=network).full_clean()


def test_a_public_flavour_gives_nothing_private_away(distribution: Distribution) -> None:
    club = Organisation.objects.create(name="club", title="The Club")
    secret = NetworkProfile.objects.create(name="club/net", is_general=True, organisation=club)
    flavour = Distribution(name="lime", built_on=distribution, network_profile=secret)

    with pytest.raises(ValidationError, match="private to The Club"):
        flavour.full_clean()
    flavour.organisation = club
    flavour.full_clean()
    distribution.organisation = club
    distribution.save()
    flavour.organisation, flavour.network_profile = None, None
    with pytest.raises(ValidationError, match="private to The Club"):
        flavour.full_clean()


@pytest.mark.parametrize("words", ["-busybox", "$(id)", "a;b", "vim -kernel", "-"])
def test_words_are_packages_and_leave_what_is_essential(distribution: Distribution, words: str) -> None:
    with pytest.raises(ValidationError):
        Distribution(name="lime", built_on=distribution, package_words=words).full_clean()


@pytest.mark.parametrize("path", ["../x", "/etc", "a//b", "{nonsense}/x", "a/{arch", "a b", "x/..", "http://x.org/a"])
def test_a_feed_is_a_folder_below_the_flavours_address(flavour: Distribution, path: str) -> None:
    with pytest.raises(ValidationError):
        SeriesFeed(series=flavour.series.get(), name="x", path=path).full_clean()


@pytest.mark.parametrize(
    "template", ["fixed", "{base_version}/x", "{series}", "{base_version} {nonsense}", "../{base_version}"]
)
def test_a_template_makes_versions(flavour: Distribution, template: str) -> None:
    with pytest.raises(ValidationError):
        Series(distribution=flavour, name="x", base_releases="24.10", version_template=template).full_clean()


def test_a_base_is_not_deleted_while_flavours_need_it(flavour: Distribution) -> None:
    with pytest.raises(Exception, match="protected"):
        Distribution.objects.get(name="openwrt").delete()


def test_a_flavour_without_feeds_needs_no_address(distribution: Distribution) -> None:
    flavour = Distribution.objects.create(name="plain", built_on=distribution, package_words="-dnsmasq luci")
    Series.objects.create(distribution=flavour, name="plain", base_releases="24.10")

    target = read(flavour, "24.10.2")

    assert target.is_complete
    assert catalogue.find("plain", "24.10.2", "ath79/generic").package_words == ("luci", "-dnsmasq")
