"""What the ImageBuilder said: success, or a named reason with a sentence for people. Pure.

make ends with 2 for every failure and with 0 for an image that is too big, so the text decides. Nothing that a build
prints is trusted: package scripts write into the same log.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from builders.outcome import apk, opkg
from builders.outcome.words import (
    MAX_NAMED,
    NAME,
    Log,
    Verdict,
    it,
    packages,
    sentence_missing,
    strip_paths,
    tidy,
    unique,
)
from builders.spec import BuildFailedError
from builders.states import Reason

__all__ = ["classify", "mentions_too_big", "refused_quietly", "size_limit", "strip_paths", "tidy"]


def classify(
    stdout: str, stderr: str, returncode: int, killed: str = "", images_found: bool = False
) -> BuildFailedError:
    """Why a build failed. `killed`: the limit that struck (runners.base.Outcome); `images_found`: it left images."""
    log = Log.of(stdout, stderr)
    verdict = _killed(killed)
    for detect in _DETECTORS if verdict is None else ():
        verdict = detect(log)
        if verdict is not None:
            break
    if verdict is None and not images_found:
        verdict = _too_big(log)
    if verdict is None:
        verdict = _unexplained(log, returncode, images_found)
    reason, sentence = verdict
    return BuildFailedError(reason, tidy(sentence), stdout=stdout, stderr=stderr)


def refused_quietly(
    stdout: str, stderr: str, requested: Iterable[str], manifest: Mapping[str, str]
) -> BuildFailedError | None:
    """A package that was asked for and that opkg gave up on without failing, as 17.01 and older do.

    `requested`: names that were to be added; `manifest`: what the image holds. None = nothing to complain about.
    """
    errors = Log(stdout, stderr).opkg_errors
    if not errors:
        return None
    wanted = set(requested)
    missing = [name for name in sorted(wanted) if name not in manifest]
    unmet = {
        package: [name for name in needs if name not in manifest]
        for package, needs in opkg.unmet_dependencies(errors).items()
        if package in wanted
    }
    log = Log(stdout, stderr)
    for package, names in unmet.items():
        if names:
            return _error(log, (Reason.MISSING_DEPENDENCY, sentence_missing(names, [package])))
    named = [name for name in missing if re.search(rf"(?<![\w.+-]){re.escape(name)}(?![\w+-])", errors)]
    if not named:
        return None
    verdict = opkg.conflict(log) or (
        Reason.MISSING_DEPENDENCY,
        f"{packages(named)} could not be installed: the package manager left {it(named)} out. "
        f"Remove {it(named)} from the list.",
    )
    return _error(log, verdict)


def _error(log: Log, verdict: tuple[Reason, str]) -> BuildFailedError:
    return BuildFailedError(verdict[0], tidy(verdict[1]), stdout=log.stdout, stderr=log.stderr)


# -- limits --------------------------------------------------------------------------------------------------


_KILLED = {
    "time": (
        Reason.TIMEOUT,
        "The build took longer than this server allows. Ask for fewer packages, or try again later.",
    ),
    "cancel": (Reason.CANCELLED, "The build was cancelled."),
    "memory": (Reason.LIMIT, "The build used more memory than it may. Ask for fewer packages."),
    "disk": (
        Reason.LIMIT,
        "The build wrote more data than it may. Ask for fewer packages or a smaller root file system.",
    ),
    "processes": (Reason.LIMIT, "The build started more processes than it may: one of the packages misbehaves."),
    "output": (Reason.LIMIT, "The build printed more than it may: one of the packages misbehaves."),
}


def _killed(killed: str) -> Verdict:
    if not killed:
        return None
    return _KILLED.get(killed, (Reason.LIMIT, f"The build hit a limit of the sandbox ({killed})."))


def _out_of_resources(log: Log) -> Verdict:
    if re.search(r"No space left on device|Disk quota exceeded", log.text):
        return Reason.DISK_FULL, "The worker's disk is full. Try again later; the operator has to make room."
    if re.search(r"File size limit exceeded|virtual memory exhausted|Cannot allocate memory|MemoryError", log.text):
        return Reason.LIMIT, "The build needed more memory or disk than it may use. Ask for fewer packages."
    if re.search(r"fork: (?:retry: )?Resource temporarily unavailable", log.text):
        return Reason.LIMIT, "The build started more processes than it may: one of the packages misbehaves."
    return None


# -- before packages -----------------------------------------------------------------------------------------


def _prerequisite(log: Log) -> Verdict:
    if "Prerequisite check failed" not in log.text:
        return None
    failed = re.findall(r"Checking '([^']{1,60})'\.*\s*failed", log.text)
    failed += re.findall(r"(?:Build dependency|Prerequisite): ([^\n]{1,120})", log.text)
    what = f": {', '.join(unique(failed)[:MAX_NAMED])}" if failed else ""
    return (
        Reason.PREREQUISITE,
        f"The worker lacks a program that this ImageBuilder needs{what}. The operator has to install it.",
    )


def _unknown_profile(log: Log) -> Verdict:
    match = re.search(r'^Profile "([^"\n]{1,128})" does not exist!', log.text, re.MULTILINE)
    if match is None:
        return None
    return (
        Reason.UNKNOWN_PROFILE,
        f"The ImageBuilder does not know the profile '{match.group(1)}'. Choose a profile of this target.",
    )


# -- feeds ---------------------------------------------------------------------------------------------------


def _feeds(log: Log) -> Verdict:
    """A feed that is missing makes every package of it unknown: the feed is the reason, not the packages."""
    if not _gave_up_on_packages(log):
        return None
    if re.search(
        r"^(?:Signature check failed|Remove wrong Signature file)|UNTRUSTED signature", log.text, re.MULTILINE
    ):
        feeds = re.findall(r"opening (\S+): UNTRUSTED", log.text)
        feeds += re.findall(r"Downloading (\S+)\nSignature check failed", log.text)
        return (
            Reason.BAD_SIGNATURE,
            f"The signature of a package feed is wrong{_feed_names(feeds)}, so its packages cannot be used. "
            "Try again later.",
        )
    feeds = re.findall(r"Failed to download (\S+?),? wget returned", log.text)
    feeds += re.findall(r"Failed to download the package list from (\S+)", log.text)
    if feeds or re.search(r"^ERROR: wget: exited with error", log.text, re.MULTILINE):
        return (
            Reason.MIRROR_UNREACHABLE,
            f"The ImageBuilder could not read a package feed{_feed_names(feeds)}. Try again later.",
        )
    return None


def _gave_up_on_packages(log: Log) -> bool:
    return bool("Cannot install package" in log.opkg_errors or "ERROR: unable to select packages:" in log.text)


def _feed_names(urls: Iterable[str]) -> str:
    """` (base, luci)`: the folder of the index is the name of the feed."""
    names = []
    for url in urls:
        parts = [part for part in url.split("/") if part and not part.startswith("Packages") and part != "packages.adb"]
        if len(parts) > 1:
            names.append("core" if parts[-1] == "packages" and "targets" in parts else parts[-1])
    return f" ({', '.join(unique(names)[:MAX_NAMED])})" if names else ""


# -- after packages ------------------------------------------------------------------------------------------


def _script(log: Log) -> Verdict:
    match = re.search(
        rf"({NAME})\.(?:postinst|preinst|prerm|postrm|post-install|pre-install)[^\s]{{0,60}}"
        r"(?: has failed with exit code| failed|: exited with error)",
        log.text,
    )
    if match is None:
        return None
    return (
        Reason.SCRIPT_FAILED,
        f"The install script of the package '{match.group(1)}' failed. Remove the package, or tell its maintainer.",
    )


def _partition(log: Log) -> Verdict:
    if not re.search(r"ext4_allocate_best_fit_partial|failed to allocate \d+ blocks|\bout of space\?", log.text, re.I):
        return None
    return (
        Reason.ROOTFS_TOO_BIG,
        "The packages do not fit the root file system's partition. Ask for a larger one or for fewer packages.",
    )


def _too_big(log: Log) -> Verdict:
    match = re.search(r"is too big: (\d{1,15}) > (\d{1,15})", log.text)
    if match is not None:
        over = int(match.group(1)) - int(match.group(2))
        return Reason.IMAGE_TOO_BIG, _sentence_too_big(over)
    match = re.search(r"images? (?:is|are) too big by (\d{1,15}) bytes", log.text)
    if match is not None:
        return Reason.IMAGE_TOO_BIG, _sentence_too_big(int(match.group(1)))
    if mentions_too_big(log.text):
        return Reason.IMAGE_TOO_BIG, _sentence_too_big(0)
    return None


def size_limit(stdout: str, stderr: str) -> int | None:
    """The bytes that an image could have had, from the log of one that was too big; None where it does not say.

    Of several images the one to upgrade with decides.
    """
    found = re.findall(r"(\S{0,400}) is too big: \d{1,15} > (\d{1,15})(?!\d)", Log.of(stdout, stderr).text)
    limits = [int(size) for name, size in found if "sysupgrade" in name] or [int(size) for _, size in found]
    return max(limits, default=None)


def mentions_too_big(text: str) -> bool:
    """Whether some image did not fit; others may have."""
    return re.search(r"\b(?:is|are) too big\b", text) is not None


def _sentence_too_big(over: int) -> str:
    amount = f" by {-(-over // 1024):,} KiB" if over > 0 else ""
    return f"The image is too big for the device's flash{amount}. Remove packages."


def _unexplained(log: Log, returncode: int, images_found: bool) -> tuple[Reason, str]:
    if returncode == 0 and not images_found:
        return (
            Reason.NO_IMAGE,
            "The ImageBuilder ended well but made no image for this profile. Choose another profile or fewer packages.",
        )
    return (
        Reason.CRASH,
        f"The ImageBuilder failed in an unexpected way (exit code {returncode}): {_last_words(log)}",
    )


_NOISE = re.compile(r"^(?:make(?:\[\d+\])?: |(?:real|user|sys)\s+\d+m|\s*$|Building images|Calculating checksums)")


def _last_words(log: Log) -> str:
    """The last line that says something, of stderr if it has one."""
    for stream in (log.stderr, log.stdout):
        for line in reversed(stream.splitlines()):
            if not _NOISE.match(line):
                return line.strip()[:300]
    make = re.findall(r"^make(?:\[\d+\])?: \*\*\* ([^\n]{1,200})", log.text, re.MULTILINE)
    return make[0] if make else "it said nothing."


# The order decides: a missing feed explains unknown packages, a missing dependency explains "cannot install".
_DETECTORS: tuple[Callable[[Log], Verdict], ...] = (
    _prerequisite,
    _unknown_profile,
    _out_of_resources,
    _feeds,
    opkg.dependency,
    opkg.conflict,
    opkg.clash,
    opkg.unknown,
    apk.selection,
    apk.clash,
    _script,
    _partition,
)
