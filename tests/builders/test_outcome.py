"""Why builds fail, told from what real ImageBuilders of 17.01 to 25.12 printed."""

import time
from pathlib import Path

import pytest

from builders import outcome
from builders.spec import BuildFailedError
from builders.states import Reason

EXCERPTS = Path(__file__).parent.parent / "data" / "imagebuilder"
# Whole logs of the same runs, where the project was checked out together with them.
CAPTURES = Path(__file__).parents[3] / "shared" / "data" / "imagebuilder-output"

CASES = [
    ("23.05.5/bad-signature", 2, Reason.BAD_SIGNATURE, ["signature of a package feed"]),
    ("23.05.5/clash", 2, Reason.FILE_CLASH, ["'dropbear'", "'x-clash'", "/usr/sbin/dropbear"]),
    ("23.05.5/conflict", 2, Reason.PACKAGE_CONFLICT, ["'x-conflict-a'", "'x-conflict-b'"]),
    ("23.05.5/impossible", 2, Reason.MISSING_DEPENDENCY, ["'x-impossible'", "'libdoesnotexist'"]),
    ("23.05.5/unknownpkg", 2, Reason.UNKNOWN_PACKAGE, ["'nosuchpackage'"]),
    ("23.05.5/toobig", 0, Reason.IMAGE_TOO_BIG, ["8,981 KiB"]),
    ("23.05.5/feeds-unreachable", 2, Reason.MIRROR_UNREACHABLE, ["base", "luci"]),
    ("25.12.5/clash", 2, Reason.FILE_CLASH, ["'dropbear'", "'x-clash'", "/usr/sbin/dropbear"]),
    ("25.12.5/conflict", 2, Reason.PACKAGE_CONFLICT, ["'x-conflict-a'", "'x-conflict-b'"]),
    ("25.12.5/impossible", 2, Reason.MISSING_DEPENDENCY, ["'x-impossible'", "'libdoesnotexist'"]),
    ("25.12.5/unknown", 2, Reason.UNKNOWN_PACKAGE, ["'nosuchpackage'"]),
    ("17.01.7-toobig", 0, Reason.IMAGE_TOO_BIG, ["2,193 KiB"]),
]
SUCCESSES = [
    "17.01.7-ar71xx-generic",
    "23.05.5-ath79-generic",
    "23.05.5-x86-64",
    "24.10.5-ath79-generic",
    "25.12.5-ath79-generic",
    "25.12.5-x86-64",
]


def read(folder: Path, name: str) -> tuple[str, str]:
    """stdout and stderr of a capture; a `.log` has both in one."""
    if folder == EXCERPTS:
        name = name.replace("/", "-")
    texts = [(folder / f"{name}.{ending}") for ending in ("out", "err", "log")]
    out, err, log = (path.read_text() if path.exists() else "" for path in texts)
    assert out or err or log
    return out + log, err


@pytest.fixture(params=["excerpts", "captures"])
def folder(request: pytest.FixtureRequest) -> Path:
    if request.param == "captures" and not CAPTURES.is_dir():
        pytest.skip("the whole captures are not here")
    return EXCERPTS if request.param == "excerpts" else CAPTURES


@pytest.mark.parametrize(("name", "returncode", "reason", "words"), CASES)
def test_real_failures_are_named(folder: Path, name: str, returncode: int, reason: Reason, words: list[str]) -> None:
    stdout, stderr = read(folder, name)

    failure = outcome.classify(stdout, stderr, returncode)

    assert failure.reason == reason
    assert all(word in failure.sentence for word in words), failure.sentence
    assert "/builder" not in failure.sentence


@pytest.mark.parametrize("name", SUCCESSES)
def test_nothing_in_a_good_log_looks_like_a_failure(folder: Path, name: str) -> None:
    stdout, stderr = read(folder, f"success/{name}")

    failure = outcome.classify(stdout, stderr, 0, images_found=True)

    # Asked all the same, it has no reason to give but that nobody knows why it was asked.
    assert failure.reason == Reason.CRASH
    assert outcome.refused_quietly(stdout, stderr, ["tmux"], {"tmux": "2.3"}) is None


def test_removing_an_unknown_package_is_no_failure(folder: Path) -> None:
    stdout, stderr = read(folder, "23.05.5/removeunknown")

    assert outcome.classify(stdout, stderr, 0, images_found=True).reason == Reason.CRASH
    assert not outcome.mentions_too_big(stdout + stderr)


@pytest.mark.parametrize(
    ("killed", "reason"),
    [
        ("time", Reason.TIMEOUT),
        ("memory", Reason.LIMIT),
        ("disk", Reason.LIMIT),
        ("processes", Reason.LIMIT),
        ("output", Reason.LIMIT),
        ("cancel", Reason.CANCELLED),
        ("something new", Reason.LIMIT),
    ],
)
def test_a_limit_that_struck_is_the_reason_whatever_the_log_says(killed: str, reason: Reason) -> None:
    failure = outcome.classify("Unknown package 'x'.", "Collected errors:\n * Cannot install package x.", -9, killed)

    assert failure.reason == reason


@pytest.mark.parametrize(
    ("stdout", "stderr", "returncode", "reason", "word"),
    [
        ('Profile "nosuch" does not exist!\nUse "make info"\n', "", 2, Reason.UNKNOWN_PROFILE, "'nosuch'"),
        (
            "Checking 'python3-distutils'... failed.\n",
            "Build dependency: Please install the Python3 distutils module\nPrerequisite check failed. Use FORCE=1\n",
            2,
            Reason.PREREQUISITE,
            "python3-distutils",
        ),
        (
            "",
            "postinst script ./usr/lib/opkg/info/x-bad.postinst has failed with exit code 3\n",
            2,
            Reason.SCRIPT_FAILED,
            "'x-bad'",
        ),
        (
            "",
            "error: ext4_allocate_best_fit_partial: failed to allocate 3394 blocks, out of space?\n",
            2,
            Reason.ROOTFS_TOO_BIG,
            "partition",
        ),
        ("", "WARNING: Image file x.bin is too big: 25493508 > 16384000\n", 0, Reason.IMAGE_TOO_BIG, "8,897 KiB"),
        ("", "x.bin is too big\n", 0, Reason.IMAGE_TOO_BIG, "too big"),
        ("Calculating checksums...\n", "", 0, Reason.NO_IMAGE, "made no image"),
        ("", "cp: error writing 'a': No space left on device\n", 2, Reason.DISK_FULL, "disk"),
        ("", "bash: fork: retry: Resource temporarily unavailable\n", 2, Reason.LIMIT, "processes"),
        ("", "sed: something odd\nmake: *** [Makefile:1: image] Error 2\n", 2, Reason.CRASH, "sed: something odd"),
        (
            "",
            "Collected errors:\n * pkg_hash_check_unresolved: cannot find dependency kernel (= 4.4.0-1-deadbeef) for "
            "kmod-x\n * opkg_install_cmd: Cannot install package kmod-x.\n",
            2,
            Reason.KERNEL_MISMATCH,
            "another kernel",
        ),
        (
            "",
            "ERROR: unable to select packages:\n  kernel-6.12.94~abc-r1:\n"
            "    breaks: kmod-x-6.12.90-r1[kernel=6.12.90~d-r1]\n    satisfies: world[kernel]\n"
            "make[2]: *** [Makefile:254: package_install] Error 1\n",
            2,
            Reason.KERNEL_MISMATCH,
            "'kmod-x'",
        ),
        (
            "",
            "WARNING: updating and opening http://h/base/packages.adb: UNTRUSTED signature\n"
            "ERROR: unable to select packages:\n  vim (no such package):\n    required by: world[vim]\n",
            2,
            Reason.BAD_SIGNATURE,
            "base",
        ),
    ],
)
def test_other_failures_are_named(stdout: str, stderr: str, returncode: int, reason: Reason, word: str) -> None:
    failure = outcome.classify(stdout, stderr, returncode)

    assert failure.reason == reason
    assert word in failure.sentence


def test_only_the_last_block_of_collected_errors_counts() -> None:
    stderr = (
        "Collected errors:\n * check_conflicts_for: The following packages conflict with a:\n"
        " * check_conflicts_for: \tb * \n"
        "Collected errors:\n * opkg_install_cmd: Cannot install package nosuch.\n"
    )

    failure = outcome.classify("Unknown package 'nosuch'.\n", stderr, 2)

    assert failure.reason == Reason.UNKNOWN_PACKAGE


def test_a_feed_that_failed_does_not_explain_a_failing_script() -> None:
    stderr = (
        "Collected errors:\n * opkg_download: Failed to download http://h/telephony/Packages.gz, wget returned 8.\n"
        "postinst script ./usr/lib/opkg/info/x.postinst has failed with exit code 1\n"
    )

    assert outcome.classify("", stderr, 2).reason == Reason.SCRIPT_FAILED


# -- 17.01 and older give up on packages without failing ---------------------------------------------------------


QUIET_DEPENDENCY = (
    "Collected errors:\n * satisfy_dependencies_for: Cannot satisfy the following dependencies for luci:\n"
    " * \trpcd-mod-rrdns\n"
)


def refusal(stderr: str, requested: list[str], manifest: list[str]) -> BuildFailedError | None:
    return outcome.refused_quietly("", stderr, requested, dict.fromkeys(manifest, "1"))


def test_an_unmet_dependency_of_a_requested_package_is_refused_though_make_ended_well() -> None:
    failure = refusal(QUIET_DEPENDENCY, ["luci"], ["luci", "busybox"])

    assert failure is not None
    assert failure.reason == Reason.MISSING_DEPENDENCY
    assert "'luci'" in failure.sentence
    assert "'rpcd-mod-rrdns'" in failure.sentence


def test_noise_about_packages_that_nobody_asked_for_is_not() -> None:
    assert refusal(QUIET_DEPENDENCY, ["tcpdump"], ["luci", "tcpdump"]) is None


def test_a_dependency_that_came_after_all_is_not_missing() -> None:
    assert refusal(QUIET_DEPENDENCY, ["luci"], ["luci", "rpcd-mod-rrdns"]) is None


def test_a_requested_package_that_opkg_left_out_for_a_conflict_is_refused() -> None:
    errors = (
        "Collected errors:\n * check_conflicts_for: The following packages conflict with b:\n"
        " * check_conflicts_for: \ta * \n * opkg_install_cmd: Cannot install package b.\n"
    )

    failure = refusal(errors, ["a", "b"], ["a"])

    assert failure is not None
    assert failure.reason == Reason.PACKAGE_CONFLICT


def test_a_package_of_a_similar_name_is_not_meant() -> None:
    errors = "Collected errors:\n * opkg_install_cmd: Cannot install package wpad-mini.\n"

    assert refusal(errors, ["wpad"], []) is None


# -- nothing of this machine, nothing endless --------------------------------------------------------------------


def test_paths_of_the_tree_become_relative() -> None:
    tree = "/srv/asu/trees/abc"
    log = f"Copying {tree}/dl/x.ipk.\nUpdated list in {tree}/build_dir/root/../../../../../../../..{tree}/dl/core\n"

    stripped = outcome.strip_paths(log, [tree])

    assert stripped == "Copying dl/x.ipk.\nUpdated list in dl/core\n"


def test_a_folder_that_only_begins_alike_is_left_alone() -> None:
    assert outcome.strip_paths("/srv/asu2/x and /srv/asu/x", ["/srv/asu"]) == "/srv/asu2/x and x"


def test_the_sentence_about_an_unexpected_end_has_no_host_path() -> None:
    failure = outcome.classify("", "cp: cannot stat '/srv/secret/data/x.bin': No such file\n", 2)

    assert "/srv" not in failure.sentence
    assert "x.bin" in failure.sentence


def test_sentences_are_short_single_lines() -> None:
    failure = outcome.classify("", "\x1b[31m" + "word " * 10_000, 2)

    assert len(failure.sentence) <= 600
    assert failure.sentence.isprintable()


@pytest.mark.parametrize(
    "line",
    ["/a" * 200_000, "/.." * 150_000, "a." * 200_000, "\n" * 400_000, " \n" * 200_000, "Unknown package '" * 20_000],
)
def test_a_hostile_log_costs_little(line: str) -> None:
    started = time.process_time()

    outcome.classify(line, line, 2)
    outcome.strip_paths(line, ["/srv/asu"])

    assert time.process_time() - started < 5
