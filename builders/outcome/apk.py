"""What apk says when it gives up: from 25.12 on, blocks that begin with `ERROR:`."""

import re

from builders.outcome.words import (
    Log,
    Verdict,
    sentence_clash,
    sentence_conflict,
    sentence_kernel,
    sentence_missing,
    sentence_unknown,
    unique,
)
from builders.states import Reason


def selection(log: Log) -> Verdict:
    _, found, block = log.text.rpartition("ERROR: unable to select packages:")
    if not found:
        return None
    block = block.split("\nmake", 1)[0]
    missing = re.findall(
        r"^ +(\S+) \(no such package\):((?:\s*required by:[^\n]*(?:\n {6,}[^\n]*)*)?)", block, re.MULTILINE
    )
    asked = [name for name, by in missing if f"world[{name}" in by]
    if missing and len(asked) == len(missing):
        return Reason.UNKNOWN_PACKAGE, sentence_unknown(asked)
    if missing:
        needed = [(name, by) for name, by in missing if name not in asked]
        dependents = [_unversioned(word) for _, by in needed for word in re.findall(r"([^\s\[\]]+)\[", by)]
        return Reason.MISSING_DEPENDENCY, sentence_missing([name for name, _ in needed], unique(dependents))
    # `breaks: kmod-x-1-r1[kernel=6.6.1~abc-r1]`: modules and kernel are of two builds.
    if modules := re.findall(r"breaks: (\S+?)\[kernel[=~<>]", block):
        return Reason.KERNEL_MISMATCH, sentence_kernel(unique(map(_unversioned, modules)))
    if "breaks:" in block or "conflicts:" in block:
        names = [_unversioned(word) for word in re.findall(r"^ {2}([^\s:]+):", block, re.MULTILINE)]
        return Reason.PACKAGE_CONFLICT, sentence_conflict(unique(names))
    return None


def clash(log: Log) -> Verdict:
    match = re.search(r"ERROR: (\S+): trying to overwrite (\S+) owned by (\S+?)\.?$", log.text, re.MULTILINE)
    if match is None:
        return None
    return (
        Reason.FILE_CLASH,
        sentence_clash(_unversioned(match.group(1)), _unversioned(match.group(3)), f"/{match.group(2).lstrip('/')}"),
    )


def _unversioned(word: str) -> str:
    """`x-clash-1.0-r1` -> `x-clash`: apk's version starts at the last dash before a digit, `-r<n>` aside."""
    match = re.fullmatch(r"(.+?)-\d[^-]*(?:-r\d+)?", word)
    return match.group(1) if match else word
