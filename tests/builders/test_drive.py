"""The ImageBuilder is driven by checked words only, and what came of it is decided from what it left and said."""

from pathlib import Path
from typing import Any

import pytest

from builders.drive import build_image, make_info
from builders.feeds import FeedSet
from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Reason
from tests.builders.fake_runner import GOOD, HEAD, IMAGE, FakeRunner, make_spec, make_tree

MAKEFILE_15_05 = "image:\n\t@echo '$(PACKAGES)' > '$(BIN_DIR)/openwrt-board-squashfs-sysupgrade.tar'\n"


def build(
    tmp_path: Path, spec: BuildSpec, makefile: str = GOOD, runner: FakeRunner | None = None, **files: str
) -> BuildResult:
    tree = make_tree(tmp_path, makefile, **files)
    return build_image(spec, tree, FeedSet(), runner or FakeRunner(), tmp_path / "out")


def failure(
    tmp_path: Path, spec: BuildSpec, makefile: str = GOOD, runner: FakeRunner | None = None
) -> BuildFailedError:
    with pytest.raises(BuildFailedError) as caught:
        build(tmp_path, spec, makefile, runner)
    return caught.value


def test_the_words_of_a_spec_reach_make(tmp_path: Path) -> None:
    spec = make_spec(
        ["tcpdump", "-ppp", "libstdc++6"], rootfs_size_mb=256, disabled_services=("dnsmasq", "odhcpd"), defaults="x"
    )

    build(tmp_path, spec)

    said = (tmp_path / "out" / IMAGE).read_text().strip()
    assert said == f"dev|-ppp libstdc++6 tcpdump|{spec.hash()[:12]}|256|dnsmasq odhcpd"


def test_the_command_shown_is_one_that_people_can_type(tmp_path: Path) -> None:
    spec = make_spec(["tcpdump"], defaults="echo hello\n")

    result = build(tmp_path, spec)

    extra = f"EXTRA_IMAGE_NAME={spec.hash()[:12]}"
    assert result.build_cmd == ["make", "image", "PROFILE=dev", "PACKAGES=tcpdump", "FILES=files", extra]


def test_the_order_of_packages_does_not_reach_the_image(tmp_path: Path) -> None:
    one = build(tmp_path, make_spec(["b", "a", "a"]))
    (tmp_path / "again").mkdir()
    other = build(tmp_path / "again", make_spec(["a", "b"]))

    assert one.files == other.files


@pytest.mark.parametrize(
    "word",
    [
        *("$(id)", "$$(id)", "`id`", "a;id", "a|id", "a b", "a\n", "a\\", 'a"', "-%", "%", "http://h/x.ipk"),
        *("/tmp/x.ipk", "../x", "--force", "-", "", "\uff41bc", "A=B", "a&", "a>b", "#", "~", "*"),
    ],
)
@pytest.mark.parametrize("place", ["packages", "profile", "disabled_services"])
def test_no_word_outside_the_pattern_reaches_make(tmp_path: Path, word: str, place: str) -> None:
    runner = FakeRunner()
    spec = make_spec(**{place: word if place == "profile" else (word,)})

    failed = failure(tmp_path, spec, runner=runner)

    assert failed.reason == Reason.CRASH
    assert runner.runs == []


def test_the_first_boot_script_arrives_byte_for_byte(tmp_path: Path) -> None:
    makefile = f"""{HEAD}
image:
\t@cp -p "$(FILES)/etc/uci-defaults/99-asu-defaults" "$(BIN_DIR)/{IMAGE}"
\t@stat -c %a "$(FILES)/etc/uci-defaults/99-asu-defaults" "$(FILES)/etc"
\t@echo 'a - 1' > "$(BIN_DIR)/x.manifest"
"""
    script = "uci set a=b\r\n# no end of line"

    result = build(tmp_path, make_spec(defaults=script), makefile)

    assert (tmp_path / "out" / IMAGE).read_bytes() == script.encode()
    assert result.stdout.split() == ["644", "755"]


def test_without_script_there_are_no_files(tmp_path: Path) -> None:
    runner = FakeRunner()

    build(tmp_path, make_spec(), runner=runner)

    assert not any("FILES=" in word for word in runner.runs[0].argv)


@pytest.mark.parametrize(
    ("wish", "variable"),
    [({"rootfs_size_mb": 100}, "ROOTFS_PARTSIZE"), ({"disabled_services": ("a",)}, "DISABLED_SERVICES")],
)
def test_a_wish_that_an_old_imagebuilder_would_ignore_is_refused(
    tmp_path: Path, wish: dict[str, Any], variable: str
) -> None:
    failed = failure(tmp_path, make_spec(**wish), MAKEFILE_15_05)

    assert failed.reason == Reason.UNSUPPORTED
    assert variable in failed.sentence


def test_an_imagebuilder_without_name_option_is_driven_without(tmp_path: Path) -> None:
    result = build(tmp_path, make_spec(), MAKEFILE_15_05)

    assert result.build_cmd == ["make", "image", "PROFILE=dev", "PACKAGES="]


def test_images_carry_a_fixed_time_where_the_tree_has_none(tmp_path: Path) -> None:
    runner = FakeRunner()

    build(tmp_path, make_spec(source_date_epoch=1700000000), runner=runner)

    assert runner.runs[0].env == {"SOURCE_DATE_EPOCH": "1700000000"}


def test_a_time_that_is_baked_in_is_left_alone(tmp_path: Path) -> None:
    runner = FakeRunner()

    build(tmp_path, make_spec(), runner=runner, **{"include__version.mk": "SOURCE_DATE_EPOCH:=5\n"})

    assert runner.runs[0].env == {}


def test_another_revision_than_asked_for_is_refused_before_anything_runs(tmp_path: Path) -> None:
    runner = FakeRunner()

    with pytest.raises(BuildFailedError) as caught:
        build(tmp_path, make_spec(version_code="r2-b"), runner=runner, **{"include__version.mk": "REVISION:=r1-a\n"})

    assert caught.value.reason == Reason.WRONG_VERSION_CODE
    assert caught.value.sentence == "Received incorrect version r1-a (requested r2-b)"
    assert runner.runs == []


def test_what_lay_in_the_folder_before_is_gone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "older-squashfs-sysupgrade.bin").write_text("old")

    result = build(tmp_path, make_spec())

    assert "older-squashfs-sysupgrade.bin" not in {file.name for file in result.files}


def test_an_image_that_is_too_big_fails_though_make_ends_well(tmp_path: Path) -> None:
    makefile = f"""{HEAD}
image:
\t@echo '[mktplinkfw] *** error: images are too big by 2048 bytes' >&2
\t@touch $(BIN_DIR)/x-vmlinux.elf $(BIN_DIR)/x-root.squashfs
"""

    failed = failure(tmp_path, make_spec(), makefile)

    assert failed.reason == Reason.IMAGE_TOO_BIG
    assert failed.build_cmd[:2] == ["make", "image"]


def test_no_image_at_all_is_a_failure(tmp_path: Path) -> None:
    assert failure(tmp_path, make_spec(), f"{HEAD}image:\n\t@true\n").reason == Reason.NO_IMAGE


def test_some_images_may_be_too_big_when_another_fits(tmp_path: Path) -> None:
    makefile = GOOD + '\t@echo "y-factory.bin is too big"\n'

    result = build(tmp_path, make_spec(), makefile)

    assert result.details["some_too_big"] is True


def test_a_killed_build_keeps_its_log_and_command(tmp_path: Path) -> None:
    failed = failure(tmp_path, make_spec(), f"{HEAD}image:\n\t@echo so far\n", FakeRunner(kill="time"))

    assert failed.reason == Reason.TIMEOUT
    assert failed.stdout == "so far\n"
    assert failed.build_cmd[:2] == ["make", "image"]


def test_the_log_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    makefile = f"{GOOD}\t@echo 'Copying $(BIN_DIR)/x and {tmp_path}/tree/dl/y' >&2\n"

    result = build(tmp_path, make_spec(), makefile)

    assert result.stderr == "Copying x and dl/y\n"


def test_old_opkg_that_leaves_a_requested_package_out_is_a_failure(tmp_path: Path) -> None:
    makefile = GOOD + '\t@printf "Collected errors:\\n * opkg_install_cmd: Cannot install package luci.\\n" >&2\n'

    failed = failure(tmp_path, make_spec(["luci"]), makefile)

    assert failed.reason == Reason.MISSING_DEPENDENCY
    assert "'luci'" in failed.sentence


def test_the_manifest_of_a_release_that_writes_none_comes_from_opkgs_list(tmp_path: Path) -> None:
    status = "build_dir/target-arm/root-board/usr/lib/opkg/status"
    makefile = MAKEFILE_15_05 + (
        f"\t@mkdir -p {Path(status).parent}\n"
        f"\t@printf 'Package: luci\\nVersion: 1-2\\nStatus: install user installed\\n\\nPackage: gone\\nVersion: 1\\n"
        f"Status: deinstall user not-installed\\n\\n' > {status}\n"
    )

    result = build(tmp_path, make_spec(), makefile)

    assert result.manifest == {"luci": "1-2"}
    assert set(result.details["made_here"]) == {"openwrt-board.manifest", "profiles.json", "sha256sums"}
    assert (tmp_path / "out" / "openwrt-board.manifest").read_text() == "luci - 1-2\n"


def test_an_image_of_which_nobody_says_what_is_in_it_is_a_failure(tmp_path: Path) -> None:
    makefile = GOOD + "\t@: > '$(BIN_DIR)/x.manifest'\n"

    failed = failure(tmp_path, make_spec(), makefile)

    assert failed.reason == Reason.CRASH
    assert "which packages" in failed.sentence


def test_make_info_gives_its_text_or_the_reason(tmp_path: Path) -> None:
    good = make_tree(tmp_path, "info:\n\t@echo 'Current Target: \"a/b\"'\n")
    (tmp_path / "bad").mkdir()
    bad = make_tree(tmp_path / "bad", "info:\n\t@echo broken >&2; exit 1\n")

    assert make_info(good, FakeRunner()) == 'Current Target: "a/b"\n'
    with pytest.raises(BuildFailedError):
        make_info(bad, FakeRunner())
