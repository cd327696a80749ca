"""What is in an image: lines `name - version` (opkg's and the ImageBuilder's form) or `name version`."""

import re

from packages import names
from packages.exceptions import BadDocumentError
from packages.parsing.strict import as_text

MAX_LINES = 20_000
_LINE = re.compile(rf"({names.PACKAGE.pattern})[ \t]+(?:-[ \t]+)?([A-Za-z0-9][A-Za-z0-9.:+~_-]{{0,127}})")


def parse(data: bytes | str, document: str = "manifest") -> dict[str, str]:
    """Package names to versions, in the order of the document."""
    packages: dict[str, str] = {}
    lines = as_text(data, document).splitlines()
    if len(lines) > MAX_LINES:
        raise BadDocumentError(f"{document} has more than {MAX_LINES} lines.")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise BadDocumentError(f"{document}, line {number}: not '<name> - <version>'.")
        packages[match[1]] = match[2]
    return packages
