"""`sha256sums` in coreutils' format: `<hex> *<name>` (binary) or `<hex>  <name>` (text)."""

import re

from packages.exceptions import BadDocumentError
from packages.parsing.strict import as_text

MAX_LINES = 200_000
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
# A path below the folder; from 21.02 on `packages/**` and `kmods/**` are listed too.
_PATH = re.compile(
    r"(?:\./)?((?!\.{1,2}(?:/|$))[A-Za-z0-9._+~-]{1,240}(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._+~-]{1,240}){0,7})"
)


def parse(data: bytes | str, document: str = "sha256sums") -> dict[str, str]:
    """Names to lower-case SHA-256, in the order of the document. Names that no path may have are left out."""
    sums: dict[str, str] = {}
    lines = as_text(data, document).split("\n")
    if len(lines) > MAX_LINES:
        raise BadDocumentError(f"{document} has more than {MAX_LINES} lines.")
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        # coreutils begins a line with a backslash when the name has a newline or backslash: no name of ours.
        if match is None and not line.startswith("\\"):
            raise BadDocumentError(f"{document}, line {number}: not '<SHA-256> *<name>'.")
        path = _PATH.fullmatch(match[2]) if match else None
        if match is None or path is None:
            continue
        sha256 = match[1].lower()
        if sums.setdefault(path[1], sha256) != sha256:
            raise BadDocumentError(f"{document}, line {number}: {path[1]} is listed with two different sums.")
    return sums
