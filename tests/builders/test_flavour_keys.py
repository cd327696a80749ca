"""A feed of somebody else: the ImageBuilder takes packages from it only when it was given the key, in that build."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from builders import drive, feeds
from builders.imagebuilder import ImageBuilders
from builders.notes import Notes
from builders.runners.sandbox import Sandbox
from builders.spec import BuildFailedError, BuildResult, BuildSpec, KeySpec
from builders.states import Reason
from packages.signatures import UsignKey
from tests.builders import demo_mirror

DEVICE = "acme_rocket-1"
WORDS = ("lime-system", "lime-app", "-dnsmasq")


def spec_with(*keys: str, version: str = "25.04.0", root: Path | None = None) -> BuildSpec:
    """A build of the flavour whose feed comes with these keys."""
    spec = demo_mirror.spec_for("demo/generic", DEVICE, WORDS, version=version, root=root)
    return replace(spec, feeds=(demo_mirror.lime_feed(spec, *keys, root=root), *spec.feeds))


def build(spec: BuildSpec, level: str, out: Path) -> BuildResult:
    runner = Sandbox(level)
    with (
        ImageBuilders(Notes()).ensure(spec, runner, lambda phase, percent: None, lambda: True) as tree,
        feeds.prepare(spec, tree, runner, lambda phase, percent: None, lambda: True) as feed_set,
    ):
        return drive.build_image(spec, tree, feed_set, runner, out)


def failure(spec: BuildSpec, level: str, out: Path) -> BuildFailedError:
    with pytest.raises(BuildFailedError) as caught:
        build(spec, level, out)
    return caught.value


def without_key() -> BuildSpec:
    """The server believes the feed, by a key of its own; nobody tells the ImageBuilder."""
    spec = spec_with()
    return replace(spec, keys=(*spec.keys, KeySpec("usign", demo_mirror.lime_key())))


def assert_has_packages(result: BuildResult) -> None:
    assert {"lime-system", "lime-app", "uhttpd", "firewall4"} <= result.manifest.keys()
    assert "dnsmasq" not in result.manifest
    assert "Signature check failed" not in result.stderr


def test_the_key_of_the_base_may_come_along_too(open_data: Path) -> None:
    result = build(spec_with(demo_mirror.lime_key(), demo_mirror.public_key()), "process", open_data / "out")

    assert {"lime-system", "uhttpd"} <= result.manifest.keys()


def test_with_the_right_key_the_packages_are_in_the_image_and_it_stays_with_that_build(
    level: str, open_data: Path
) -> None:
    result = build(spec_with(demo_mirror.lime_key()), level, open_data / "out")
    failed = failure(without_key(), level, open_data / "again")

    assert_has_packages(result)
    assert (failed.reason, failed.build_cmd[:2]) == (Reason.BAD_SIGNATURE, ["make", "image"])


def test_older_imagebuilders_take_the_key_too(open_data: Path) -> None:
    result = build(spec_with(demo_mirror.lime_key(), version="24.04.2"), "process", open_data / "out")

    assert_has_packages(result)


def test_without_the_key_the_imagebuilder_itself_refuses_the_feed(open_data: Path) -> None:
    failed = failure(without_key(), "process", open_data / "out")

    assert failed.reason == Reason.BAD_SIGNATURE
    assert "Unknown package 'lime-system'" in failed.stdout
    assert failed.build_cmd[:2] == ["make", "image"]


def test_by_another_key_the_feed_is_refused_before_the_imagebuilder_runs(open_data: Path) -> None:
    wrong = UsignKey.generate("somebody else").public_text()

    for keys in ((wrong,), (demo_mirror.public_key(),)):
        failed = failure(spec_with(*keys), "process", open_data / "out")
        assert failed.reason == Reason.BAD_SIGNATURE
        assert failed.build_cmd == []


def test_the_key_of_a_flavour_vouches_for_no_feed_of_the_base(open_data: Path, tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    shutil.copytree(demo_mirror.mirror(), root, copy_function=shutil.copyfile)
    spec = spec_with(demo_mirror.lime_key(), root=root)
    lime, *others = spec.feeds
    # What the base calls `base` is in truth the flavour's: signed by a key that is known in this build, but not for it.
    disguised = replace(lime, name="base", kind="arch", keys=())

    failed = failure(replace(spec, feeds=(lime, disguised, *others)), "process", open_data / "out")

    assert failed.reason == Reason.BAD_SIGNATURE
