"""`/metrics` for Prometheus. All numbers come from the database, so that each of several processes tells the same.

Who may read: with ASU_METRICS_TOKEN whoever sends it (`Authorization: Bearer ...`). Without one only programs on this
machine that come directly: behind a proxy all the world seems to come from here, so whatever bears the mark of a proxy
is refused. The marks are used to refuse only; nobody gets in by sending a header.

Numbers travel on to wherever they are shown, so private distributions are not named: theirs stand together under
`(private)`.
"""

import ipaddress
import platform
from collections import Counter
from collections.abc import Mapping
from hmac import compare_digest

import django
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from images.api import answers
from images.api.build import respond
from packages.models import Distribution
from packages.visibility import MAINTAINER, owners
from stats import counting, situation
from stats.exposition import CONTENT_TYPE, Family, render
from stats.readiness import free_bytes

# What proxies add, and what a page in somebody's browser sends along.
_NOT_DIRECT = (
    *("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO"),
    *("HTTP_X_REAL_IP", "HTTP_VIA", "HTTP_ORIGIN"),
)
PRIVATE = "(private)"
_NO_STORE = {"Cache-Control": "no-store"}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """`/metrics`."""
    refusal = _refusal(request)
    if refusal is not None:
        return respond(request, refusal)
    try:
        text = render(families())
    except Error:
        return respond(request, answers.error(503, "The database does not answer.", _NO_STORE))
    return HttpResponse(text, content_type=CONTENT_TYPE, headers=_NO_STORE)


def families() -> list[Family]:
    """What is measured, as things stand."""
    return [_info(), *_builds(), _workers(), *_totals(), *_mirrors(), _disk()]


def _info() -> Family:
    family = Family("asu_info", "gauge", "Always 1; the labels say what runs here.")
    return family.add(
        1,
        version=settings.VERSION,
        python=platform.python_version(),
        django=django.get_version(),
        database=connection.vendor,
    )


def _builds() -> list[Family]:
    builds = Family("asu_builds", "gauge", "Builds by state.")
    for state, count in situation.by_state().items():
        builds.add(count, state=state)
    oldest = Family("asu_queue_oldest_seconds", "gauge", "How long the first of the queue has waited; 0: nobody waits.")
    usual = Family("asu_build_seconds", "gauge", "How long a build takes from lease to end, a moving average.")
    for distribution, seconds in situation.usual_seconds(_shown_as).items():
        usual.add(round(seconds, 3), distribution=distribution)
    return [builds, oldest.add(round(situation.oldest_wait(), 3)), usual]


def _workers() -> Family:
    family = Family("asu_workers", "gauge", "Workers by standing, what is desired of them, and whether they are there.")
    for (standing, desired, is_online), count in situation.workers_by_kind().items():
        family.add(count, standing=standing, desired=desired, online="true" if is_online else "false")
    return family


def _totals() -> list[Family]:
    attempts = Family("asu_build_attempts_total", "counter", "Attempts to build that ended: done, or why not.")
    for outcome, count in situation.attempts_by_outcome().items():
        attempts.add(count, outcome=outcome)
    images = Family("asu_images_total", "counter", "Images built and published.")
    for distribution, count in _together(situation.counted(counting.BUILDS)).items():
        images.add(count, distribution=distribution)
    downloads = Family("asu_downloads_total", "counter", "Files of images downloaded.")
    for distribution, count in _together(situation.counted(counting.DOWNLOADS)).items():
        downloads.add(count, distribution=distribution)
    return [attempts, images, downloads]


def _mirrors() -> list[Family]:
    synced = Family(
        "asu_mirror_last_sync_timestamp_seconds", "gauge", "When a mirror's lists were read last; 0: never."
    )
    stale = Family("asu_mirror_stale", "gauge", "1 while the last try to read a mirror's lists failed.")
    times: dict[str, float] = {}
    stales: Counter[str] = Counter()
    for row in Distribution.objects.visible_to(MAINTAINER):
        name = _shown_as(row.name)
        time = round(row.synced_at.timestamp(), 3) if row.synced_at else 0
        times[name] = min(time, times.get(name, time))
        stales[name] = max(stales[name], int(row.stale_since is not None))
    for name, time in times.items():
        synced.add(time, distribution=name)
        stale.add(stales[name], distribution=name)
    return [synced, stale]


def _shown_as(distribution: str) -> str:
    return PRIVATE if distribution in owners() else distribution


def _together(counts: Mapping[str, int]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for distribution, count in counts.items():
        found[_shown_as(distribution)] += count
    return dict(found)


def _disk() -> Family:
    family = Family("asu_disk_free_bytes", "gauge", "What may still be written below ASU_DATA_DIR.")
    try:
        return family.add(free_bytes())
    except OSError:  # no value is the truth about a disk that cannot be read
        return family


def _refusal(request: HttpRequest) -> answers.Answer | None:
    """Why this caller may not read; None when it may."""
    if settings.ASU_METRICS_TOKEN:
        word, _, token = request.headers.get("Authorization", "").partition(" ")
        if word.lower() == "bearer" and compare_digest(token.strip().encode(), settings.ASU_METRICS_TOKEN.encode()):
            return None
        headers = {**_NO_STORE, "WWW-Authenticate": 'Bearer realm="metrics"'}
        return answers.error(401, "Send the token of this server's metrics: Authorization: Bearer TOKEN.", headers)
    if _is_loopback(request.META.get("REMOTE_ADDR", "")) and not any(name in request.META for name in _NOT_DIRECT):
        return None
    detail = (
        "Metrics are for programs on this machine that ask directly. To read them from elsewhere or through a proxy, "
    )
    return answers.error(403, f"{detail}set ASU_METRICS_TOKEN and send it.", _NO_STORE)


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a socket file: whoever is behind it, it is a proxy
        return False
    mapped = getattr(found, "ipv4_mapped", None)  # ::ffff:127.0.0.1, on a socket for both kinds
    return bool((mapped or found).is_loopback)
