"""The first run of a freshly unpacked ImageBuilder: what every build would otherwise do again is done once, here."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from builders import package_index
from builders.inside import read_inside
from builders.runners.base import Limits, Outcome, Run, Runner
from builders.spec import BuildFailedError
from builders.states import Reason
from packages.conf import settings

# Making the index costs an ImageBuilder about 50 ms a package, in every build; for a handful that does not matter.
_MANY_PACKAGES = 40
# A time later than that of any copy of the packages: ImageBuilders compare it with the packages' change times, which
# nobody can set.
_FUTURE = 2145916800  # 2038-01-01
_FAILED_CHECK = re.compile(r"^Checking '([^']{1,80})'\.\.\. ?failed", re.MULTILINE)
_ADVICE = re.compile(r"^(?:Build dependency|Prerequisite): *(.{1,160})$", re.MULTILINE)


def limits() -> Limits:
    """What a run may use, by the settings."""
    return Limits(
        seconds=settings.ASU_BUILD_TIMEOUT,
        memory_mb=settings.ASU_BUILD_MEMORY_MB,
        disk_mb=settings.ASU_BUILD_DISK_MB,
        processes=settings.ASU_BUILD_PROCESSES,
        cpu_seconds=settings.ASU_BUILD_CPU_SECONDS,
        output_kb=settings.ASU_BUILD_LOG_KB,
    )


def warm_up(tree: Path, runner: Runner, go_on: Callable[[], bool]) -> None:
    """Check prerequisites, let it make its list of profiles and, where it carries packages, their index.

    Raises BuildFailedError: PREREQUISITE with the names of what is missing, BAD_ARCHIVE when it is no ImageBuilder.
    """
    makefile = read_inside(tree, "Makefile")
    if makefile is None:
        raise BuildFailedError(Reason.BAD_ARCHIVE, "The archive holds no ImageBuilder: it has no Makefile.")
    if re.search(rb"^staging_dir/host/\.prereq-build\s*:", makefile, re.MULTILINE):
        outcome = _make(tree, runner, go_on, "-s", "staging_dir/host/.prereq-build")
        if outcome.returncode != 0:
            raise _missing_prerequisite(outcome)
    outcome = _make(tree, runner, go_on, "info")
    if outcome.returncode != 0:
        if "Prerequisite" in outcome.stdout + outcome.stderr:
            raise _missing_prerequisite(outcome)
        raise _broken("make info", outcome)
    if _wants_index(tree, makefile):
        package_index.write(tree)
        _date_index(tree)


def _make(tree: Path, runner: Runner, go_on: Callable[[], bool], *words: str) -> Outcome:
    run = Run(("make", *words), tree, limits=replace(limits(), cpu_seconds=7200), keep=True)
    outcome = runner.run(run, go_on)
    if outcome.killed == "cancel":
        raise BuildFailedError(Reason.CANCELLED, "Setting up the ImageBuilder was cancelled.")
    if outcome.killed:
        sentence = f"Setting up the ImageBuilder hit the limit on {outcome.killed}."
        reason = Reason.TIMEOUT if outcome.killed == "time" else Reason.LIMIT
        raise BuildFailedError(reason, sentence, stdout=outcome.stdout, stderr=outcome.stderr)
    return outcome


def _wants_index(tree: Path, makefile: bytes) -> bool:
    if not re.search(rb"^package_index\s*:", makefile, re.MULTILINE):
        return False
    # Where indexes are signed, that is by a key that each build makes for itself.
    if b"CONFIG_SIGNATURE_CHECK=y" in (read_inside(tree, ".config") or b""):
        return False
    if re.search(rb"^\s*option\s+check_signature", read_inside(tree, "repositories.conf") or b"", re.MULTILINE):
        return False
    folder = tree / "packages"
    return not folder.is_symlink() and _count_packages(folder) > _MANY_PACKAGES


def _count_packages(folder: Path) -> int:
    # os.walk lists a link without following it.
    return sum(name.endswith(".ipk") for _, _, names in os.walk(folder) for name in names)


def _date_index(tree: Path) -> None:
    for name in ("Packages", "Packages.gz"):
        path = tree / "packages" / name
        if path.is_file() and not path.is_symlink():
            os.utime(path, (_FUTURE, _FUTURE), follow_symlinks=False)


def _missing_prerequisite(outcome: Outcome) -> BuildFailedError:
    text = f"{outcome.stdout}\n{outcome.stderr}"
    names = sorted(set(_FAILED_CHECK.findall(text)))
    advice = [line.strip() for line in _ADVICE.findall(text)]
    sentence = "The worker lacks what this ImageBuilder needs"
    if names:
        sentence += f": {', '.join(names)}"
    sentence += "."
    if advice:
        sentence += " " + " ".join(dict.fromkeys(line.rstrip(".") + "." for line in advice))
    sentence += " The maintainer of the worker has to install it."
    return BuildFailedError(Reason.PREREQUISITE, sentence, stdout=outcome.stdout, stderr=outcome.stderr)


def _broken(command: str, outcome: Outcome) -> BuildFailedError:
    sentence = f"The ImageBuilder does not work: {command!r} failed."
    return BuildFailedError(Reason.BAD_ARCHIVE, sentence, stdout=outcome.stdout, stderr=outcome.stderr)
