"""packages/management/commands/setup_demo.py: the demo distribution in the catalogue."""

import io
from pathlib import Path

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.management import call_command

from packages import network_profiles
from packages.models import Distribution, NetworkProfile, Package, PackageChange, Target
from packages.signatures import UsignKey

pytestmark = pytest.mark.django_db


def _setup(*arguments: str) -> str:
    out = io.StringIO()
    call_command("setup_demo", *arguments, stdout=out)
    return out.getvalue()


def test_everything_is_there_after_one_command_and_repeating_it_does_nothing(data_dir: Path) -> None:
    first = _setup()
    synced = list(Target.objects.order_by("pk").values_list("synced_at", flat=True))
    second = _setup()

    assert "Generating" in first
    assert second == f"The demo distribution is ready: {data_dir}/demo-mirror\n"
    assert list(Target.objects.order_by("pk").values_list("synced_at", flat=True)) == synced
    demo = Distribution.objects.get(name="demo")
    assert (demo.is_hosted, demo.url) == (True, (data_dir / "demo-mirror").as_uri())
    assert set(demo.releases.values_list("version", flat=True)) == {"24.04.2", "25.04.0", "SNAPSHOT"}
    assert len(synced) == 12
    assert None not in synced
    assert Package.objects.filter(feed__release__version="25.04.0", name="demo-get").exists()
    changes = PackageChange.objects.filter(distribution__name="demo")
    assert set(changes.values_list("kind", flat=True)) == {"renamed", "merged", "split", "dropped", "default"}
    noted = LogEntry.objects.order_by("pk").values_list("object_repr", "action_flag")
    assert list(noted) == [("Demo", ADDITION), (str(demo.flavours.get()), ADDITION), ("demo/meadow", ADDITION)]


def test_a_network_profile_is_there_to_try_and_what_became_of_it_stays() -> None:
    _setup()
    [offer] = network_profiles.offered("demo")
    NetworkProfile.objects.update(is_enabled=False)
    _setup()

    assert (offer.name, offer.distributions, len(offer.paths or ())) == ("demo/meadow", ("demo", "demo-lime"), 3)
    assert Package.objects.filter(name__in=offer.packages).exists()
    assert network_profiles.offered("demo") == []


def test_the_flavour_has_packages_and_a_key_of_its_own() -> None:
    _setup()

    flavour = Distribution.objects.get(name="demo-lime")
    demo = Distribution.objects.get(name="demo")
    assert flavour.built_on == demo
    assert set(flavour.releases.values_list("version", flat=True)) == {
        *("2024.1-demo24.04.2", "2024.1-demo25.04.0", "SNAPSHOT")
    }
    assert flavour.keys.get().text != demo.keys.get().text
    for target in Target.objects.filter(release__distribution=flavour):
        assert target.is_complete
        assert set(target.feeds.exclude(kind="flavour")) == set(target.built_on.feeds.all() if target.built_on else ())
        [own] = target.feeds.filter(kind="flavour")
        assert own.packages.filter(name="lime-system").exists()
        assert "-dnsmasq" in target.package_words


def test_a_lost_mirror_is_made_again_and_what_a_maintainer_changed_stays(data_dir: Path) -> None:
    _setup()
    secret = data_dir / "keys/demo.sec"
    key = secret.read_text()
    Distribution.objects.update(title="Ours", is_enabled=False)
    Distribution.objects.filter(name="demo-lime").update(package_words="lime-system")
    (data_dir / "demo-mirror/.generated").unlink()
    (data_dir / "demo-mirror/.versions.json").unlink()

    answer = _setup()

    assert "Generating" in answer
    assert (data_dir / "demo-mirror/.versions.json").exists()
    demo, flavour = Distribution.objects.order_by("name")
    assert (demo.title, demo.is_enabled) == ("Ours", False)
    assert (flavour.title, flavour.is_enabled, flavour.package_words) == ("Ours", False, "lime-system")
    # The key is made once, readable by us alone, and it is the one that is pinned.
    [pinned] = demo.keys.all()
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == (key, 0o600)
    assert pinned.text == UsignKey.from_secret_text(key, "demo distribution").public_text()
