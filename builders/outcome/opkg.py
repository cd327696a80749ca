"""What opkg says when it gives up: up to 24.10, everything after the last `Collected errors:`."""

import re

from builders.outcome.words import (
    NAME,
    Log,
    Verdict,
    quoted,
    sentence_clash,
    sentence_conflict,
    sentence_kernel,
    sentence_missing,
    sentence_unknown,
    unique,
)
from builders.states import Reason


def unmet_dependencies(errors: str) -> dict[str, list[str]]:
    """Package -> names it needs and does not get; words of 18.06 and later, and of 17.01 and older."""
    unmet: dict[str, list[str]] = {}
    for need, package in re.findall(rf"cannot find dependency (\S+)(?: \([^)]*\))? for ({NAME})", errors):
        unmet.setdefault(package, []).append(need)
    pattern = rf"Cannot satisfy the following dependencies for ({NAME}):\s*\n((?: \* \t[^\n]*\n?)+)"
    for package, lines in re.findall(pattern, errors):
        words = re.findall(rf"({NAME})(?: \([^)]*\))?", re.sub(r"\([^)]*\)", "", lines))
        unmet.setdefault(package, []).extend(words)
    return unmet


def dependency(log: Log) -> Verdict:
    unmet = unmet_dependencies(log.opkg_errors)
    if not unmet or "Cannot install package" not in log.opkg_errors:
        return None
    needs = unique(name for names in unmet.values() for name in names)
    if "kernel" in needs:
        return Reason.KERNEL_MISMATCH, sentence_kernel(list(unmet))
    return Reason.MISSING_DEPENDENCY, sentence_missing([_with_version(need, log) for need in needs], list(unmet))


def _with_version(need: str, log: Log) -> str:
    """The version that is asked for belongs to it: the package may well be there in another one."""
    match = re.search(rf"cannot find dependency {re.escape(need)} (\([^)\n]{{1,80}}\)) for", log.opkg_errors)
    return f"{need} {match[1]}" if match else need


def conflict(log: Log) -> Verdict:
    match = re.search(
        rf"The following packages conflict with ({NAME}):((?:\s*\n \* check_conflicts_for: \t[^\n]*)+)",
        log.opkg_errors,
    )
    if match is None:
        return None
    others = re.findall(rf"\t({NAME})", match.group(2))
    return Reason.PACKAGE_CONFLICT, sentence_conflict([match.group(1), *others])


def clash(log: Log) -> Verdict:
    match = re.search(
        rf"Package ({NAME}) wants to install file (\S+)\s+"
        rf"But that file is already provided by package\s+\*?\s*({NAME})",
        log.opkg_errors,
    )
    if match is None or "Cannot install package" not in log.opkg_errors:
        return None
    return Reason.FILE_CLASH, sentence_clash(match.group(1), match.group(3), match.group(2))


def unknown(log: Log) -> Verdict:
    if "Cannot install package" not in log.opkg_errors:
        return None
    unknown = re.findall(rf"^Unknown package '({NAME})'", log.text, re.MULTILINE)
    if unknown:
        return Reason.UNKNOWN_PACKAGE, sentence_unknown(unknown)
    refused = re.findall(rf"Cannot install package ({NAME}?)\.?\s*$", log.opkg_errors, re.MULTILINE)
    names = quoted(refused) if refused else "a package"
    return Reason.UNKNOWN_PACKAGE, f"The package manager could not install {names}. Remove it from the list."
