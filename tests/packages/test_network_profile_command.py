"""manage.py network_profile: file sets come in from folders and archives, and go out again."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from packages import generation
from packages.models import Distribution, NetworkProfile, Organisation

pytestmark = pytest.mark.django_db

NAME = "libremesh/antennas"


@pytest.fixture(autouse=True)
def distributions() -> None:
    for name in ("openwrt", "libremesh"):
        Distribution.objects.create(name=name, url="https://downloads.example.org")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "etc/config").mkdir(parents=True)
    (folder / "etc/config/lime").write_text("config lime\n")
    (folder / "etc/greet").write_bytes(b"#!/bin/sh\0")
    (folder / "etc/greet").chmod(0o700)
    return folder


def run(*words: Any) -> str:
    out = StringIO()
    call_command("network_profile", *map(str, words), stdout=out)
    return out.getvalue().strip()


def refusal(*words: Any) -> str:
    with pytest.raises(CommandError) as caught:
        run(*words)
    return str(caught.value)


def test_a_folder_comes_in_and_goes_out_as_it_was(files: Path, tmp_path: Path) -> None:
    said = run("import", NAME, files, "--distribution", "libremesh", "--packages", "lime-app -dnsmasq")
    run("export", NAME, tmp_path / "out")

    assert said == f"{NAME}: 2 files, 22 bytes"
    row = NetworkProfile.objects.get()
    assert row.package_words == ("lime-app", "-dnsmasq")
    assert [each.name for each in row.distributions.all()] == ["libremesh"] and not row.is_general
    assert (tmp_path / "out/etc/greet").read_bytes() == b"#!/bin/sh\0"
    assert (tmp_path / "out/etc/greet").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/etc/config/lime").stat().st_mode & 0o777 == 0o644


def test_imported_again_its_files_are_others_and_what_is_not_said_stays(files: Path) -> None:
    run("import", NAME, files, "--general", "--packages", "vim", "--title", "Antennas")
    (files / "etc/greet").unlink()
    before = generation.current()
    run("import", NAME, files)

    row = NetworkProfile.objects.get()
    assert (row.title, row.packages, row.is_general) == ("Antennas", "vim", True)
    assert [file.path for file in row.files.all()] == ["etc/config/lime"]
    assert generation.current() >= before


def test_the_list_tells_what_each_is_for(files: Path) -> None:
    Organisation.objects.create(name="meadow")
    run("import", NAME, files, "--distribution", "libremesh", "--packages", "lime-app")
    run("import", "meadow/site", files, "--general", "--organisation", "meadow")

    assert run("list").splitlines() == [
        "libremesh/antennas: for libremesh 2 files lime-app",
        "meadow/site: for every distribution 2 files (private to meadow)",
    ]


def test_what_is_removed_is_gone(files: Path) -> None:
    run("import", NAME, files, "--general")
    run("remove", NAME)

    assert not NetworkProfile.objects.exists()
    assert refusal("remove", NAME) == f"There is no network profile '{NAME}'."
    assert refusal("export", NAME, files / "x") == f"There is no network profile '{NAME}'."


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([NAME], "Say what it is for"),
        ([NAME, "--distribution", "nobody"], "There is no distribution 'nobody'"),
        ([NAME, "--general", "--organisation", "nobody"], "There is no organisation 'nobody'"),
        (["no name!", "--general"], "Use letters, digits"),
        (["../x", "--general"], "Use letters, digits"),
        ([NAME, "--general", "--packages=-busybox"], "busybox cannot be removed"),
        ([NAME, "--general", "--packages", "$(id)"], "is no package"),
    ],
)
def test_what_makes_no_network_profile_is_refused_with_a_sentence(files: Path, words: list[str], problem: str) -> None:
    assert problem in refusal("import", words[0], files, *words[1:])
    assert not NetworkProfile.objects.exists()


def test_too_much_is_refused_and_the_one_before_stays(files: Path, settings: Settings) -> None:
    run("import", NAME, files, "--general")
    settings.ASU_NETWORK_PROFILE_KB = 1
    (files / "etc/large").write_bytes(b"x" * 1025)

    assert "ASU_NETWORK_PROFILE_KB" in refusal("import", NAME, files)
    settings.ASU_NETWORK_PROFILE_FILES = 1
    assert "ASU_NETWORK_PROFILE_FILES" in refusal("import", NAME, files)
    assert NetworkProfile.objects.get().files.count() == 2


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "No such file" in refusal("import", NAME, tmp_path / "none", "--general")
