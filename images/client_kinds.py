"""What kind of client asks, as far as its own words tell: for counts, never for decisions. Pure."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

OTHER = "other"
UNKNOWN = "unknown"  # it says nothing
BROWSER = "browser"


class Program(NamedTuple):
    """A program that says who it is."""

    kind: str  # the word for it in counts of downloads
    title: str  # the one that people read in the statistics
    words: re.Pattern[str]  # what it calls itself, in `client` or as User-Agent


# Those that ask for images; what they send as `client` begins with their kind.
ASKING = (
    Program("owut", "owut", re.compile(r"\bowut\b", re.I)),
    Program("luci", "LuCI", re.compile(r"\bluci\b", re.I)),
    Program("ofs", "firmware-selector", re.compile(r"^ofs\b|firmware-selector", re.I)),
    Program("auc", "auc", re.compile(r"\bauc\b", re.I)),
    Program("asu", "asu", re.compile(r"^asu\b|\basu(?:-cli)?/", re.I)),
)
# In this order: libraries name themselves after the program.
_PROGRAMS = (
    *ASKING,
    Program("curl", "curl", re.compile(r"^curl\b|\bcurl/|\blibcurl", re.I)),
    Program("wget", "wget", re.compile(r"\bwget\b", re.I)),
    Program("uclient", "wget", re.compile(r"\buclient", re.I)),  # it is OpenWrt's wget
)
_BROWSER = re.compile(r"^Mozilla\b|^(?:web page|website)$", re.I)  # those of our own pages are asked with one too
KINDS = (*(program.kind for program in _PROGRAMS), "web app", BROWSER, OTHER)


def kind_of(environ: Mapping[str, Any]) -> str:
    """One of KINDS, from a WSGI environment.

    LuCI and the firmware-selector fetch from within a browser's page of another host: that is a `web app`.
    """
    agent = str(environ.get("HTTP_USER_AGENT", ""))[:300]
    if program := _program(agent):
        return program.kind
    if _BROWSER.match(agent):
        is_fetched = (
            environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" and environ.get("HTTP_SEC_FETCH_MODE") != "navigate"
        )
        return "web app" if is_fetched or environ.get("HTTP_ORIGIN") else BROWSER
    return OTHER


def title_of(text: str) -> str:
    """Who asked for an image, by what it said of itself: coarse, so that it says nothing of the person."""
    if program := _program(text):
        return program.title
    if _BROWSER.match(text):
        return BROWSER
    return OTHER if text else UNKNOWN


def _program(text: str) -> Program | None:
    return next((program for program in _PROGRAMS if program.words.search(text)), None)
