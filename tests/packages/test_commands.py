"""manage.py add_distribution and sync, as a maintainer types them."""

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command

from packages import audit
from packages.definitions import SHIPPED
from packages.models import Channel, Distribution, DistributionKey, PackageChange, Release, Target
from packages.openwrt_changes import OPENWRT_CHANGES
from packages.signatures import UsignKey
from tests.packages.mirrors import MirrorFolder, Server

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*words)
    return str(caught.value)


def key_file(tmp_path: Path) -> str:
    file = tmp_path / "key.pub"
    file.write_text(UsignKey.generate("k").public_text())
    return str(file)


# -- add_distribution ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_definition_needs_its_name_only(name: str) -> None:
    run("add_distribution", name)

    row = Distribution.objects.get(name=name)
    assert row.url.startswith("https://")
    assert row.title == SHIPPED[name].title


def test_a_shipped_distribution_knows_its_package_changes_and_repeating_adds_what_is_missing() -> None:
    run("add_distribution", "openwrt")
    PackageChange.objects.filter(sources=["auc"]).delete()
    PackageChange.objects.filter(sources=["opkg"]).update(why="Ours.", version="26.01")

    run("add_distribution", "openwrt")

    assert PackageChange.objects.count() == len(OPENWRT_CHANGES)
    assert PackageChange.objects.get(sources=["auc"]).targets == ["owut"]
    assert PackageChange.objects.get(sources=["opkg"]).version == "26.01"
    assert Channel.objects.get(name="SNAPSHOT").is_snapshot


@pytest.mark.parametrize("names", [("lede", "openwrt"), ("openwrt", "lede")])
def test_lede_goes_on_as_openwrt_whichever_comes_first(names: tuple[str, str]) -> None:
    for name in names:
        run("add_distribution", name)

    assert Distribution.objects.get(name="lede").successor == Distribution.objects.get(name="openwrt")


def test_libremesh_is_a_flavour_of_openwrt_and_brings_it_along(tmp_path: Path) -> None:
    out = run("add_distribution", "libremesh", "--key", key_file(tmp_path))

    row = Distribution.objects.get(name="libremesh")
    assert row.built_on == Distribution.objects.get(name="openwrt")
    assert "Added openwrt" in out
    assert "lime-system" in row.package_words.split() and "-dnsmasq" in row.package_words.split()
    assert [(series.name, series.base_releases) for series in row.series.all()] == [
        *(("2024.1", "23.05"), ("master", "23.05 24.10 25.12"), ("master", "SNAPSHOT"))
    ]
    assert row.series.filter(feeds__path="{series}/openwrt-{base_channel}/{arch}").count() == 1
    assert "No key is pinned" not in out


def test_libremesh_is_built_on_the_openwrt_that_is_there() -> None:
    run("add_distribution", "openwrt", "--url", "https://mirror.example.org")

    out = run("add_distribution", "libremesh")

    assert Distribution.objects.get(name="openwrt").url == "https://mirror.example.org"
    assert "Added openwrt" not in out
    assert "nothing is taken from its feeds" in out


def test_a_flavour_is_described_in_one_command_and_changed_in_another(
    distribution: Distribution, tmp_path: Path
) -> None:
    command = ("add_distribution", "meadow", "--on", "openwrt", "--series", "1.0")
    path = "{series}/{base_version}/{arch}"

    run(
        *(*command, "--url", "https://feeds.example.org", "--packages", "meadow-base -dnsmasq", "--feed"),
        *(f"meadow={path}", "--base-releases", "24.10", "--key", key_file(tmp_path)),
    )
    run(*command, "--version-template", "{series}-on{base_version}", "--feed", "more=more/{arch}")

    row = Distribution.objects.get(name="meadow")
    assert (row.url, row.built_on, row.package_words) == (
        *("https://feeds.example.org", distribution, "meadow-base -dnsmasq"),
    )
    series = row.series.get()
    assert (series.base_releases, series.version_template) == ("24.10", "{series}-on{base_version}")
    assert dict(series.feeds.values_list("name", "path")) == {"meadow": path, "more": "more/{arch}"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("meadow", "--on", "nowhere", "--url", "https://x.org"), "There is no distribution 'nowhere' to build on"),
        (("meadow", "--on", "meadow", "--url", "https://x.org"), "not on itself"),
        (("meadow", "--on", "openwrt", "--feed", "a=b"), "give --series too"),
        (("meadow", "--on", "openwrt", "--series", "1", "--feed", "a"), "write NAME=PATH"),
        (("meadow", "--on", "openwrt", "--series", "1"), "base_releases"),
        (("meadow", "--on", "openwrt", "--series", "1", "--base-releases", "24.10", "--feed", "a=../b"), "path"),
        (
            ("meadow", "--url", "https://x.org", "--series", "1", "--base-releases", "24.10"),
            "Only a flavour has series",
        ),
        (("meadow", "--url", "https://x.org", "--packages", "vim"), "Only a flavour has words"),
        (("meadow", "--on", "openwrt", "--packages=-busybox"), "busybox"),
    ],
)
def test_what_is_wrong_with_a_flavour_is_said_and_nothing_is_stored(
    distribution: Distribution, words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused("add_distribution", *words)

    assert not Distribution.objects.filter(name="meadow").exists()


def test_an_own_distribution_needs_an_address_and_may_pin_keys(tmp_path: Path) -> None:
    out = run(
        "add_distribution", "mesh", "--url", "http://m.example.org/fw/", "--title", "Mesh", "--key", key_file(tmp_path)
    )

    row = Distribution.objects.get(name="mesh")
    assert (row.url, row.title, row.is_hosted) == ("http://m.example.org/fw", "Mesh", False)
    assert DistributionKey.objects.get(distribution=row).kind == "usign"
    assert "Added mesh" in out
    assert "unsigned" not in out


def test_without_a_key_the_command_says_so() -> None:
    assert "taken unsigned" in run("add_distribution", "mesh", "--url", "http://m.example.org")


def test_repeating_it_changes_what_is_given_and_keeps_the_rest(tmp_path: Path) -> None:
    key = key_file(tmp_path)
    run("add_distribution", "mesh", "--url", "http://m.example.org", "--title", "Mesh", "--key", key)

    out = run("add_distribution", "mesh", "--url", "http://new.example.org", "--key", key)

    row = Distribution.objects.get(name="mesh")
    assert (row.url, row.title, row.keys.count()) == ("http://new.example.org", "Mesh", 1)
    assert "Changed mesh" in out


def test_a_release_can_be_typed_in() -> None:
    run(
        *("add_distribution", "old", "--url", "http://m.example.org", "--release", "15.05.1"),
        *("--target", "ipq806x/generic", "--target", "ar71xx/nand", "--path-template", "chaos_calmer/{version}"),
    )

    release = Release.objects.get(version="15.05.1")
    assert release.is_manual
    assert release.path == "chaos_calmer/15.05.1"
    assert set(release.targets.values_list("name", flat=True)) == {"ipq806x/generic", "ar71xx/nand"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["Bad Name", "--url", "http://x.org"], "lower-case letters"),
        (["admin", "--url", "http://x.org"], "address of this server"),
        (["api\n", "--url", "http://x.org"], "lower-case letters"),
        (["mesh"], "--url"),
        (["mesh", "--url", "ftp://x.org"], "http://, https:// or file://"),
        (["mesh", "--url", "http://user:word@x.org"], "no user"),
        (["mesh", "--url", "http://x.org", "--hosted"], "file://"),
        (["mesh", "--url", "http://x.org", "--key", "/no/such/file"], "cannot be read"),
        (["mesh", "--url", "http://x.org", "--target", "a/b"], "give --release too"),
        (["mesh", "--url", "http://x.org", "--release", "1/2"], "no version"),
        (["mesh", "--url", "http://x.org", "--release", "1.2", "--target", "../x"], "no target"),
        (["mesh", "--url", "http://x.org", "--release", "1.2", "--path-template", "../{version}"], "no path"),
        (["mesh", "--url", "http://x.org", "--release", "1.2", "--path-template", "fixed"], "no path"),
        (["mesh", "--url", "http://x.org", "--oldest", "a b"], "no version"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(words: list[str], sentence: str) -> None:
    assert sentence in refused("add_distribution", *words)
    assert not Release.objects.exists()


@pytest.mark.parametrize("content", ["", "hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_that_is_no_key_is_refused_before_anything_is_stored(tmp_path: Path, content: str) -> None:
    file = tmp_path / "no.key"
    file.write_text(content)

    assert "no public key" in refused("add_distribution", "mesh", "--url", "http://x.org", "--key", str(file))
    assert not Distribution.objects.exists()


def test_a_binary_file_is_no_key(tmp_path: Path) -> None:
    file = tmp_path / "no.key"
    file.write_bytes(b"\x99\x01\xff\xfe")

    assert "not text" in refused("add_distribution", "mesh", "--url", "http://x.org", "--key", str(file))


# -- sync ----------------------------------------------------------------------------------------------------


def test_sync_by_name_says_what_it_found(distribution: Distribution, capsys: pytest.CaptureFixture[str]) -> None:
    out = run("sync", "openwrt")

    assert "3 releases; 4 targets; new: SNAPSHOT, 24.10.2, 23.05.5" in out
    assert "names: 3 of 3" in capsys.readouterr().err


def test_a_sync_that_finds_something_is_in_the_audit(distribution: Distribution) -> None:
    for _ in range(2):  # with the second one nothing is new
        run("sync", "openwrt")

    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_repr) == (audit.COMMAND_LINE, str(distribution))
    assert entry.change_message.startswith("Synced: 3 releases; 4 targets; new: SNAPSHOT")


def test_sync_without_a_name_takes_all_that_are_enabled(distribution: Distribution) -> None:
    Distribution.objects.create(name="off", url="http://127.0.0.1:1", is_enabled=False)

    assert "openwrt: 3 releases" in run("sync")


def test_sync_of_a_target_completes_it(distribution: Distribution) -> None:
    run("sync", "openwrt", "--release", "24.10.2", "--target", "ath79/generic")

    assert [str(row) for row in Target.objects.filter(synced_at__isnull=False)] == ["openwrt 24.10.2 ath79/generic"]


def test_full_sync_completes_every_target(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.targets("releases/24.10.2", ath79__generic="mips_24kc")
    (folder.root / "snapshots" / ".targets.json").unlink()

    run("sync", "openwrt", "--full")

    assert Target.objects.filter(synced_at__isnull=False).count() == 2


def test_a_mirror_that_fails_ends_in_an_error(distribution: Distribution, server: Server) -> None:
    run("sync", "openwrt")
    server.faults["/.versions.json"] = lambda handler: handler.answer(503, b"")

    assert "openwrt: .versions.json: the mirror answers 503." in refused("sync", "openwrt")
    assert Release.objects.filter(is_enabled=True).count() == 3


def test_sync_of_nothing_says_how_to_begin() -> None:
    assert "add_distribution openwrt" in refused("sync")
    assert "'other'" in refused("sync", "other")
    assert "no release 9.9" in refused_release()


def refused_release() -> str:
    Distribution.objects.create(name="empty", url="file:///nowhere/at/all")
    Release.objects.create(
        distribution=Distribution.objects.get(),
        channel=Channel.objects.create(distribution=Distribution.objects.get(), name="1.0"),
        version="1.0",
        is_manual=True,
    )
    return refused("sync", "empty", "--release", "9.9")
