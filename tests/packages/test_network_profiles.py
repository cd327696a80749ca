"""Which network profiles are offered to whom."""

import pytest

from packages import network_profiles, visibility
from packages.models import Distribution, NetworkProfile, Organisation
from packages.network_profiles import UnknownNetworkProfileError
from packages.visibility import MAINTAINER, PUBLIC, Viewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def meadow() -> Viewer:
    """Its members: of the three network profiles all but those for `lede` alone are theirs to see."""
    organisation = Organisation.objects.create(name="meadow")
    openwrt = Distribution.objects.create(name="openwrt", url="https://x.example.org")
    lede = Distribution.objects.create(name="lede", url="https://x.example.org")
    general = NetworkProfile.objects.create(name="any/where", is_general=True, packages="vim  -ppp vim")
    general.files.create(path="etc/b", content=b"12", mode=0o755)
    for_lede = NetworkProfile.objects.create(name="old/lede", is_public=True)
    for_lede.distributions.add(lede)
    for_lede.files.create(path="etc/b", content=b"12", mode=0o755)
    for_lede.files.create(path="etc/a", content=b"1")
    private = NetworkProfile.objects.create(name="meadow/site", organisation=organisation)
    private.distributions.add(openwrt)
    NetworkProfile.objects.create(name="off/now", is_general=True, is_enabled=False)
    return Viewer(organisation.pk)


def names(distribution: str = "", viewer: Viewer = PUBLIC) -> list[str]:
    return [offer.name for offer in network_profiles.offered(distribution, viewer)]


def test_everybody_is_offered_what_is_everybodys(meadow: Viewer) -> None:
    assert names() == ["any/where", "old/lede"]
    assert names("openwrt") == ["any/where"]
    assert names("lede") == ["any/where", "old/lede"]
    assert names("nobody") == []


def test_members_are_offered_theirs_too(meadow: Viewer) -> None:
    assert names("openwrt", meadow) == ["any/where", "meadow/site"]
    assert names("lede", meadow) == ["any/where", "old/lede"]
    assert names("openwrt", Viewer(meadow.organisation and meadow.organisation + 1)) == ["any/where"]
    assert names("", MAINTAINER) == ["any/where", "meadow/site", "old/lede"]


def test_paths_are_told_only_where_they_are_shown(meadow: Viewer) -> None:
    general, for_lede = network_profiles.offered()

    assert general.paths is None and for_lede.paths is not None
    assert [(file.path, file.mode, file.size) for file in for_lede.paths] == [("etc/a", 0o644, 1), ("etc/b", 0o755, 2)]
    assert general.packages == ("vim", "-ppp")


def test_a_chosen_one_comes_with_all_its_files(meadow: Viewer) -> None:
    chosen = network_profiles.choose("old/lede", "lede")

    assert [(file.path, file.content) for file in chosen.files] == [("etc/a", b"1"), ("etc/b", b"12")]
    assert chosen.owner is None
    assert network_profiles.choose("meadow/site", "openwrt", meadow).owner == visibility.Owner(meadow.organisation or 0)


@pytest.mark.parametrize(
    ("name", "distribution", "near"),
    [
        ("any/were", "openwrt", ("any/where",)),
        ("old/lede", "openwrt", ()),
        ("meadow/site", "openwrt", ()),
        ("meadow/sit", "openwrt", ()),
        ("off/now", "openwrt", ()),
    ],
)
def test_what_is_not_offered_cannot_be_chosen(
    meadow: Viewer, name: str, distribution: str, near: tuple[str, ...]
) -> None:
    with pytest.raises(UnknownNetworkProfileError) as caught:
        network_profiles.choose(name, distribution)
    assert caught.value.near == near


def test_without_its_last_distribution_a_network_profile_is_for_none(meadow: Viewer) -> None:
    Distribution.objects.filter(name="lede").delete()

    assert names() == ["any/where"] and names("openwrt") == ["any/where"]


def test_one_for_a_distribution_that_is_private_is_not_there_for_others(meadow: Viewer) -> None:
    Distribution.objects.filter(name="lede").update(organisation=meadow.organisation)

    assert names() == ["any/where"]
    assert names("", meadow) == ["any/where", "meadow/site", "old/lede"]
    with pytest.raises(UnknownNetworkProfileError):
        network_profiles.choose("old/lede", "lede")
