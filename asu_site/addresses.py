"""Which addresses belong to programs and which to people, and what a path looks like once it is in order. Pure."""

import re

from packages.names import RESERVED

_SLASHES = re.compile(r"/{2,}")

# First segments of pages; everything else is for programs.
_PAGES = frozenset(
    {"admin", "static", "favicon.ico", "devices", "images", "compare", "updates", "statistics", "stats", "status"}
    | {"incidents", "about", "docs", "network-profiles", "news"}
)
_PROGRAMS = RESERVED - _PAGES
# Files of images: what `static` holds otherwise belongs to pages.
_FILES_OF_IMAGES = re.compile(r"(?:/+[^/]+)?/+static/(?:[0-9a-f]{64}|faillogs)/.*", re.DOTALL)


def tidy(path: str) -> str:
    """The path with each run of slashes as one: base addresses with a final slash give `//api/...` (T4)."""
    return _SLASHES.sub("/", path) if "//" in path else path


def is_page(path: str) -> bool:
    """Whether people read what is there: the home page and what lies below a page's first segment."""
    first = path.lstrip("/").split("/", 1)[0]
    if first == "static" and _FILES_OF_IMAGES.fullmatch(path):
        return False
    return not first or first in _PAGES


def is_api(path: str) -> bool:
    """Whether only programs call it: an API, document or store address, also below a distribution's name."""
    if is_page(path):
        return False
    if _FILES_OF_IMAGES.fullmatch(path):
        return True
    segments = path.lstrip("/").split("/", 2)
    return any(segment in _PROGRAMS for segment in segments[:2])


def is_admin(path: str) -> bool:
    """Whether it belongs to the backoffice."""
    return path == "/admin" or path.startswith("/admin/")
