"""Names in a folder, from the HTML that nginx, apache or python's http.server make of it."""

import html
import re
from urllib.parse import unquote, urljoin, urlsplit

from packages.parsing.strict import as_text

MAX_NAMES = 100_000
# Lengths are bounded so that a page of `<a` and no `>` costs no more than its length.
_LINK = re.compile(
    r"""<a\s[^<>]{0,500}?\bhref\s{0,9}=\s{0,9}(?:"([^"<>]{1,2000})"|'([^'<>]{1,2000})')""", re.IGNORECASE
)
_NAME = re.compile(r"(?!\.{1,2}/?$)[A-Za-z0-9._+~-]{1,240}/?")


def parse(data: bytes | str, base: str = "", document: str = "listing") -> list[str]:
    """Names directly below the folder, each once, in the page's order; folders end in "/".

    `base` is the folder's address or path. Links that lead elsewhere (the parent, column headings, other sites) and
    names that no file of a mirror has are left out.
    """
    folder = base.rstrip("/") + "/"
    root = urlsplit(folder)
    found: dict[str, None] = {}
    for match in _LINK.finditer(as_text(data, document)):
        name = _name(html.unescape(match[1] or match[2]), folder, root.netloc, root.path)
        if name and len(found) < MAX_NAMES:
            found[name] = None
    return list(found)


def _name(link: str, folder: str, host: str, path: str) -> str | None:
    try:
        address = urlsplit(urljoin(folder, link.strip()))
        other_host = address.netloc != host
    except ValueError:  # such as `http://[`: not a name in this folder
        return None
    if other_host or address.query or not address.path.startswith(path):
        return None
    name = unquote(address.path[len(path) :])
    return name if _NAME.fullmatch(name) else None
