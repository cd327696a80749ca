"""An Atom feed out of entries: the same bytes as long as the entries are the same.

News and incidents are told so by apps that do not know each other; it is here because both know this one.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.http import quote_etag
from django.utils.translation import get_language

from builders.shown import visible
from images import addresses


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of news. `key` names it for good, whatever this server's address is."""

    key: str
    title: str
    text: str  # lines
    path: str  # of the page about it, below this server's address
    at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """What the entries are about. `at`: when it began, for a feed without any."""

    key: str
    title: str
    text: str
    path: str
    at: datetime


def answer(
    request: HttpRequest, feed: Feed, entries: Iterable[Entry], *, is_private: bool, seconds: int
) -> HttpResponse:
    """The feed for whoever asks, 304 where nothing is new. `seconds`: how long others may keep it."""
    base = addresses.base(request)
    body = render(feed, entries, base, base + request.get_full_path())
    response = HttpResponse(body, content_type="application/atom+xml; charset=utf-8")
    response["ETag"] = quote_etag(sha256(body).hexdigest()[:32])
    # A private one is for who sent the token, and for nobody's cache.
    response["Cache-Control"] = "private, no-cache" if is_private else f"public, max-age={seconds}"
    return get_conditional_response(request, etag=response["ETag"], response=response) or response


def render(feed: Feed, entries: Iterable[Entry], base: str, itself: str) -> bytes:
    """The document; `base` is this server's address, `itself` that of the feed."""
    rows = list(entries)
    document = _Steady(
        title=visible(feed.title),
        link=base + feed.path,
        description="",
        subtitle=visible(feed.text),
        feed_url=itself,
        feed_guid=urn(feed.key),
        language=get_language() or "en",
        author_name=base,
    )
    document.begun_at = feed.at
    for row in rows:
        document.add_item(
            title=visible(row.title),
            link=base + row.path,
            # A summary is HTML there.
            description="<br>".join(escape(visible(line)) for line in row.text.replace("\r\n", "\n").split("\n")),
            unique_id=urn(row.key),
            updateddate=row.at,
        )
    return document.writeString("utf-8").encode()


def urn(key: str) -> str:
    """An id that stays when the server's address does not."""
    return uuid.uuid5(_OURS, key).urn


_OURS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:asu:news")


class _Steady(Atom1Feed):
    """Django's takes the present time for a feed without entries."""

    begun_at: datetime

    def latest_post_date(self) -> datetime:
        return max((item["updateddate"] for item in self.items), default=self.begun_at)
