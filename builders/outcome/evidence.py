"""The lines of a log that decided why a build failed, for people who do not want to read all of it. Pure."""

import re
from collections.abc import Iterable

from builders.outcome.words import Log
from builders.states import Reason

MAX_LINES = 12
MAX_LENGTH = 300  # characters of a line

# What stands in the log for each reason: `classify` goes by the same words.
_TOO_BIG = re.compile(r"\b(?:is|are) too big\b")
_SIGNS: dict[Reason, re.Pattern[str]] = {
    Reason.UNKNOWN_PROFILE: re.compile(r'^Profile "[^"]+" does not exist!'),
    Reason.IMAGE_TOO_BIG: _TOO_BIG,
    Reason.NO_IMAGE: _TOO_BIG,
    Reason.ROOTFS_TOO_BIG: re.compile(
        r"ext4_allocate_best_fit_partial|failed to allocate \d+ blocks|\bout of space\?", re.I
    ),
    Reason.SCRIPT_FAILED: re.compile(
        r"\.(?:postinst|preinst|prerm|postrm|post-install|pre-install)\S{0,60}"
        r"(?: has failed with exit code| failed|: exited with error)"
    ),
    Reason.MIRROR_UNREACHABLE: re.compile(r"Failed to download|wget: exited with error|wget returned"),
    Reason.BAD_SIGNATURE: re.compile(r"Signature check failed|wrong Signature file|UNTRUSTED"),
    Reason.PREREQUISITE: re.compile(
        r"Checking '[^']{1,60}'\.*\s*failed|^(?:Build dependency|Prerequisite): |Prerequisite check failed"
    ),
    Reason.DISK_FULL: re.compile(r"No space left on device|Disk quota exceeded"),
    Reason.LIMIT: re.compile(
        r"File size limit exceeded|virtual memory exhausted|Cannot allocate memory|MemoryError|fork: "
        r"|Resource temporarily unavailable"
    ),
}
_BY_PACKAGES = frozenset(
    {
        Reason.UNKNOWN_PACKAGE,
        Reason.MISSING_DEPENDENCY,
        Reason.PACKAGE_CONFLICT,
        Reason.FILE_CLASH,
        Reason.KERNEL_MISMATCH,
    }
)
_APK_BLOCK = "ERROR: unable to select packages:"
_PACKAGE_LINES = re.compile(r"^Unknown package '|^ERROR: \S+: trying to overwrite ")
_NOISE = re.compile(
    r"^(?:make(?:\[\d+\])?: |(?:real|user|sys)\s+\d+m|\s*$|Building images|Calculating checksums|Configuring )"
)


def deciding_lines(reason: str, stdout: str, stderr: str) -> list[str]:
    """At most MAX_LINES, each once, in the order of the log; [] where nothing in it stands out.

    For a reason that the log does not tell of (a time limit, a worker that went away), the last that the build said.
    """
    log = Log.of(stdout, stderr)
    known = Reason(reason) if reason in Reason.values() else None
    found: list[str] = []
    if known in _BY_PACKAGES:
        found = _package_manager(log)
    elif known in _SIGNS:
        found = [line for line in log.text.splitlines() if _SIGNS[known].search(line)]
    return _bounded(found) or _bounded(_last_words(log))


def _package_manager(log: Log) -> list[str]:
    lines = [line for line in log.text.splitlines() if _PACKAGE_LINES.search(line)]
    _, is_apk, block = log.text.rpartition(_APK_BLOCK)
    if is_apk:
        lines += [_APK_BLOCK, *_until_make(block)]
    elif log.opkg_errors:
        lines += _until_make(log.opkg_errors)
    return lines


def _until_make(block: str) -> list[str]:
    """A block ends where make complains that its program failed."""
    lines = []
    for line in block.splitlines():
        if line.startswith("make"):
            break
        lines.append(line)
    return lines


def _last_words(log: Log) -> list[str]:
    for stream in (log.stderr, log.stdout):
        lines = [line for line in stream.splitlines() if not _NOISE.match(line)]
        if lines:
            return lines[-4:]
    return []


def _bounded(lines: Iterable[str]) -> list[str]:
    """Each line once, without the ends of long ones."""
    told = dict.fromkeys(line.rstrip()[:MAX_LENGTH] for line in lines if line.strip())
    return list(told)[:MAX_LINES]
