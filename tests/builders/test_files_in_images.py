"""The files of a spec are in the image that the demo's real ImageBuilder makes of it."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from builders.ledger import DatabaseLedger
from builders.spec import BuildFailedError, BuildResult, BuildSpec, FileSpec
from builders.workshop import Workshop
from images.normalise import file_spec
from packages.file_sets import File
from tests.builders import demo_mirror
from tests.demo.workbench import unsquash

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

SECRET = b"the-key-of-the-mesh"
FILES = (
    File("etc/config/lime-community", 0o644, b"config lime\n\toption key '" + SECRET + b"'\n"),
    File("etc/init.d/greet", 0o755, b"#!/bin/sh\necho hello\n"),
    File("usr/lib/table.bin", 0o644, bytes(range(256))),
    File("etc/uci-defaults/95-community", 0o644, b"uci set a=b\r\n"),
)


def spec_with(files: tuple[FileSpec, ...] = tuple(map(file_spec, FILES))) -> BuildSpec:
    script = "echo first boot\n"
    return demo_mirror.spec_for("demo/generic", "acme_rocket-1", ("demo-sniff",), defaults=script, files=files)


def build(spec: BuildSpec, out: Path) -> tuple[BuildResult, str]:
    """The result, and what was said while it grew."""
    said: list[str] = []
    result = Workshop(DatabaseLedger()).build(spec, out, lambda phase, percent: None, lambda: True, said.append)
    return result, "".join(said)


def test_the_files_are_in_the_image_as_they_were_given_and_the_first_boot_script_is_too(tmp_path: Path) -> None:
    result, said = build(spec_with(), tmp_path / "out")

    [name] = [file.name for file in result.files if file.name.endswith("sysupgrade.bin")]
    root = unsquash(tmp_path / "out" / name, tmp_path)
    for file in FILES:
        assert (root / file.path).read_bytes() == file.content
        assert (root / file.path).stat().st_mode & 0o777 == file.mode
    assert (root / "etc/uci-defaults/99-asu-defaults").read_text() == "echo first boot\n"
    assert "FILES=files" in result.build_cmd
    told = [said, result.stdout, result.stderr, str(result.build_cmd), json.dumps(result.profile_json)]
    assert not any(SECRET.decode() in text for text in told)


def test_equal_files_give_equal_bytes_and_others_give_others(tmp_path: Path) -> None:
    one, _ = build(spec_with(), tmp_path / "one")
    reversed_files = tuple(reversed(spec_with().files))
    two, _ = build(spec_with(reversed_files), tmp_path / "two")
    other, _ = build(spec_with(spec_with().files[1:]), tmp_path / "other")

    assert spec_with(reversed_files).hash() == spec_with().hash()
    assert {file.sha256 for file in one.files} == {file.sha256 for file in two.files}
    assert {file.sha256 for file in one.files} != {file.sha256 for file in other.files}


def test_a_spec_with_files_arrives_on_a_worker_as_it_was_sent() -> None:
    spec = replace(spec_with(), owner="organisation-7")

    arrived = BuildSpec.from_json(json.loads(json.dumps(spec.to_json())))

    assert arrived == spec and arrived.hash() == spec.hash()


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "etc/../../escape", "a b", "", ".", "etc/\n"])
def test_whoever_made_up_a_path_the_builder_lets_none_leave_the_image(tmp_path: Path, path: str) -> None:
    with pytest.raises(BuildFailedError):
        build(spec_with((FileSpec(path, 0o644, "eA=="),)), tmp_path / "out")


def test_what_makes_two_builds_the_same_is_unchanged_for_those_without_files_or_owner() -> None:
    spec = spec_with(())

    assert not {"files", "owner"} & spec.canonical().keys()
    assert {"files", "owner"} <= asdict(spec).keys()
    assert len({replace(spec, owner=owner).hash() for owner in ("", "organisation-1", "organisation-2")}) == 3
