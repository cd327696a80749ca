"""demo/imagebuilder: how builds fail, in the words and with the exit codes of the real ones."""

import os
from pathlib import Path

import pytest

from tests.demo.conftest import NEWER
from tests.demo.workbench import ImageBuilder, unpack

UNRESOLVED = (
    "Collected errors:\n"
    " * pkg_hash_check_unresolved: cannot find dependency libdoesnotexist for demo-impossible\n"
    " * pkg_hash_fetch_best_installation_candidate: Packages for demo-impossible found, "
    "but incompatible with the architectures configured\n"
    " * opkg_install_cmd: Cannot install package demo-impossible.\n"
)
CASES = {
    "impossible dependency": ("demo-impossible", UNRESOLVED),
    "conflict": (
        "demo-red demo-blue",
        "Collected errors:\n"
        " * check_conflicts_for: The following packages conflict with demo-blue:\n"
        " * check_conflicts_for: \tdemo-red * \n"
        " * opkg_install_cmd: Cannot install package demo-blue.\n",
    ),
    "conflict with a provider": ("dnsmasq-full", "The following packages conflict with dnsmasq:\n"),
    "file clash": (
        "demo-clock demo-clock-ng",
        "check_data_file_clashes: Package demo-clock-ng wants to install",
    ),
    "who has the file": ("demo-clock demo-clock-ng", "\tBut that file is already provided by package  * demo-clock\n"),
    "failing script": (
        "demo-failing",
        "postinst script ./usr/lib/opkg/info/demo-failing.postinst has failed with exit code 3\n",
    ),
    "unknown package": (
        "nosuchpackage",
        "Collected errors:\n * opkg_install_cmd: Cannot install package nosuchpackage.\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_installed_is_told_in_the_words_of_opkg(newer: ImageBuilder, tmp_path: Path, case: str) -> None:
    words, text = CASES[case]

    run = newer.image(tmp_path / "out", "PROFILE=acme_rocket-1", f"PACKAGES={words}")

    assert run.returncode == 2
    assert text in run.stderr
    assert "make: *** [Makefile:" in run.stderr
    assert not (tmp_path / "out").exists()


def test_an_unknown_package_is_named_on_stdout(newer: ImageBuilder) -> None:
    run = newer.make("manifest", "PACKAGES=nosuchpackage")

    assert run.returncode == 2
    assert "Unknown package 'nosuchpackage'.\n" in run.stdout + run.stderr


def test_removing_an_unknown_package_is_fine(newer: ImageBuilder) -> None:
    run = newer.make("manifest", "PACKAGES=-nosuchpackage")

    assert run.returncode == 0


def test_a_dependency_on_a_version_is_met_by_the_newer_release_only(newer: ImageBuilder, older: ImageBuilder) -> None:
    good, bad = newer.make("manifest", "PACKAGES=demo-fresh"), older.make("manifest", "PACKAGES=demo-fresh")

    assert (good.returncode, bad.returncode) == (0, 2)
    assert "cannot find dependency libdemo-api (>= 2) for demo-fresh" in bad.stderr


def test_an_asked_for_provider_is_taken_before_another(newer: ImageBuilder) -> None:
    run = newer.make("manifest", "PACKAGES=demo-blog uhttpd")

    assert "uhttpd - " in run.stdout
    assert "demo-lighttpd" not in run.stdout


def test_a_package_asked_for_under_two_names_is_installed_once(newer: ImageBuilder) -> None:
    run = newer.make("manifest", "PACKAGES=libgcc1 uhttpd demo-httpd")

    assert run.returncode == 0, run.stderr
    assert run.stderr.count("Installing libgcc1 ") == 1
    assert "demo-lighttpd" not in run.stdout


def test_an_unknown_profile_ends_at_once(newer: ImageBuilder) -> None:
    run = newer.make("image", "PROFILE=nosuchdevice")

    assert run.returncode == 2
    assert run.stdout == (
        'Profile "nosuchdevice" does not exist!\nUse "make info" to get a list of available profile names.\n'
    )


def test_an_image_too_big_ends_with_status_0_and_no_image(newer: ImageBuilder, tmp_path: Path) -> None:
    run = newer.image(tmp_path, "PROFILE=acme_pebble", "PACKAGES=demo-bulk")

    assert run.returncode == 0
    assert "WARNING: Image file " in run.stderr
    assert " > 5242880\n" in run.stderr
    assert "Skip JSON creation for non existing file " in run.stdout
    assert "JSON info file script could not find any JSON files for target\n" in run.stdout
    assert not list(tmp_path.glob("*.bin"))
    assert not (tmp_path / "profiles.json").exists()
    assert (tmp_path / "sha256sums").exists()


@pytest.mark.parametrize(
    "variables", [("PROFILE",), ("PACKAGES",), ("EXTRA_IMAGE_NAME", "FILES", "DISABLED_SERVICES", "ROOTFS_PARTSIZE")]
)
def test_no_variable_is_run(newer: ImageBuilder, tmp_path: Path, variables: tuple[str, ...]) -> None:
    mark = f"touch {tmp_path}/mark"
    text = f'$(shell {mark}) "; {mark}; " `{mark}` $$({mark}) \\'

    run = newer.image(tmp_path / "out", "PACKAGES=nosuchpackage", *(f"{name}={text}" for name in variables))

    assert run.returncode == 2
    assert not (tmp_path / "mark").exists()


def test_a_feed_with_a_wrong_signature_is_dropped(demo_mirror: Path, tmp_path: Path) -> None:
    builder = unpack(demo_mirror, tmp_path / "tree", NEWER)
    forged = tmp_path / "forged"
    forged.mkdir()
    luci = demo_mirror / NEWER / "packages/demo_32/luci"
    for name in ("Packages.gz", "Packages.sig"):
        (forged / name).write_bytes((luci / name).read_bytes())
    (forged / "Packages.sig").write_bytes((demo_mirror / NEWER / "packages/demo_32/base/Packages.sig").read_bytes())
    feeds = builder.tree / "repositories.conf"
    feeds.write_text(feeds.read_text().replace(luci.as_uri(), f"file:{forged}"))

    without, needing = builder.make("manifest"), builder.make("manifest", "PACKAGES=luci")

    assert (without.returncode, needing.returncode) == (0, 2)
    assert "Signature check failed.\nRemove wrong Signature file.\n" in without.stderr
    assert "Unknown package 'luci'.\n" in needing.stderr + needing.stdout


def test_feeds_that_do_not_answer_leave_only_unknown_packages(demo_mirror: Path, tmp_path: Path) -> None:
    builder = unpack(demo_mirror, tmp_path / "tree", NEWER)
    feeds = builder.tree / "repositories.conf"
    feeds.write_text(feeds.read_text().replace(demo_mirror.as_uri(), "http://127.0.0.1:9"))

    run = builder.make("image", f"BIN_DIR={tmp_path / 'out'}")

    assert run.returncode == 2
    assert "opkg_download: Failed to download http://127.0.0.1:9/" in run.stderr
    assert "wget returned 4." in run.stderr
    assert "Unknown package 'busybox'.\n" in run.stdout


def test_a_changed_package_file_is_refused(demo_mirror: Path, tmp_path: Path) -> None:
    builder = unpack(demo_mirror, tmp_path / "tree", NEWER)
    feed = demo_mirror / NEWER / "packages/demo_32/packages"
    copy = tmp_path / "packages"
    copy.mkdir()
    for file in feed.iterdir():
        os.link(file, copy / file.name)
    [victim] = copy.glob("demo-greeting_*")
    changed = victim.read_bytes() + b"x"
    victim.unlink()
    victim.write_bytes(changed)
    feeds = builder.tree / "repositories.conf"
    feeds.write_text(feeds.read_text().replace(feed.as_uri(), str(copy)))

    run = builder.make("manifest", "PACKAGES=demo-greeting")

    assert run.returncode == 2
    assert "Checksum or size mismatch for package demo-greeting." in run.stderr
