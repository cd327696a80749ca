"""What kind of client asks, as far as its own words tell: for counts, never for decisions. Pure."""

import re
from collections.abc import Mapping
from typing import Any

OTHER = "other"
# In this order: libraries name themselves after the program, browsers name everybody.
_BY_AGENT = (
    ("owut", re.compile(r"\bowut\b", re.IGNORECASE)),
    ("auc", re.compile(r"\bauc\b", re.IGNORECASE)),
    ("asu", re.compile(r"\basu(?:-cli)?/", re.IGNORECASE)),
    ("luci", re.compile(r"\bluci\b", re.IGNORECASE)),
    ("curl", re.compile(r"\bcurl/|\blibcurl", re.IGNORECASE)),
    ("wget", re.compile(r"\bwget\b", re.IGNORECASE)),
    ("uclient", re.compile(r"\buclient", re.IGNORECASE)),
)
_BROWSER = re.compile(r"^Mozilla/\d")
KINDS = (*(kind for kind, _ in _BY_AGENT), "web app", "browser", OTHER)


def kind_of(environ: Mapping[str, Any]) -> str:
    """One of KINDS, from a WSGI environment.

    LuCI and the firmware-selector fetch from within a browser's page of another host: that is a `web app`.
    """
    agent = str(environ.get("HTTP_USER_AGENT", ""))[:300]
    for kind, pattern in _BY_AGENT:
        if pattern.search(agent):
            return kind
    if _BROWSER.match(agent):
        is_fetched = (
            environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" and environ.get("HTTP_SEC_FETCH_MODE") != "navigate"
        )
        return "web app" if is_fetched or environ.get("HTTP_ORIGIN") else "browser"
    return OTHER
