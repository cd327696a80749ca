"""Atom feeds: of a distribution, of one device and its packages."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from images import atom, device_links
from images.atom import Entry, Feed
from images.viewers import viewer_of_page
from news import entries
from packages import names
from packages.models import Distribution

_MOST_PACKAGES = 200
_SECONDS = 600  # that others may keep it


@require_safe
def distribution_feed(request: HttpRequest, distribution: str) -> HttpResponse:
    """What users of a distribution want to know."""
    row = _distribution(request, distribution)
    feed = Feed(
        f"{row.name}/feed",
        gettext("News of %(name)s") % {"name": row},
        gettext("Releases, branches that ended, packages that changed their names."),
        f"/devices/?distribution={row.name}",
        entries.begun_at(row),
    )
    return _answer(request, row, feed, entries.newest(entries.of_distribution(row)))


@require_safe
def device_feed(request: HttpRequest, distribution: str, target: str, subtarget: str, profile: str) -> HttpResponse:
    """News for one device, and for the packages that the query names."""
    row = _distribution(request, distribution)
    name = f"{target}/{subtarget}"
    if not names.TARGET.fullmatch(name) or not names.BOARD.fullmatch(profile):
        raise Http404
    targets = entries.releases_with(row, name, profile)
    if not targets:
        raise Http404
    version, packages = _version(request), _packages(request)
    feed = Feed(
        f"{row.name}/{name}/{profile}/feed?{version}&{' '.join(packages)}",
        gettext("%(name)s for %(profile)s") % {"name": row, "profile": profile},
        gettext("Newer releases, and newer versions of: %(packages)s.") % {"packages": ", ".join(packages)}
        if packages
        else gettext("Newer releases."),
        device_links.device(row.name, name, profile),
        entries.begun_at(row),
    )
    found = entries.newest(entries.of_device(row, targets, profile, version, packages))
    return _answer(request, row, feed, found)


def _distribution(request: HttpRequest, name: str) -> Distribution:
    """PostgreSQL compares with no NUL; the middleware takes care of those in paths."""
    return get_object_or_404(Distribution.objects.visible_to(viewer_of_page(request)), name=name)


def _version(request: HttpRequest) -> str:
    text = request.GET.get("version", "")
    return text if names.VERSION.fullmatch(text) else ""


def _packages(request: HttpRequest) -> list[str]:
    """Well-formed names, each once; what is none is left out."""
    words = " ".join(request.GET.getlist("packages")).replace(",", " ").split()
    return sorted({word for word in words[: 5 * _MOST_PACKAGES] if names.PACKAGE.fullmatch(word)})[:_MOST_PACKAGES]


def _answer(request: HttpRequest, row: Distribution, feed: Feed, found: list[Entry]) -> HttpResponse:
    return atom.answer(request, feed, found, is_private=row.organisation_id is not None, seconds=_SECONDS)
