"""What a worker needs for a build: the lease with its spec, the ImageBuilder, package indexes, files of our mirrors.

The server has verified all of it by the distribution's keys; the spec binds it by hashes, so a worker needs no keys.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from builders import archives
from builders.api import calls
from builders.api.sending import send
from builders.models import Build, Worker
from builders.transports.base import Lease
from packages import index_cache
from packages.models import Distribution
from packages.views import open_in

_PREFIX = "/api/worker/v1"
_INDEX = re.compile(r"(?P<sha256>[0-9a-f]{64})(?:(?:\.(?P<signer>[0-9a-f]{64}))?(?P<ending>\.sig))?")


def lease_for(lease: Lease) -> dict[str, Any]:
    """A lease as it travels. Addresses that only this machine can reach become ours: they begin with "/"."""
    spec = lease.spec.to_json()
    spec["keys"] = ()
    spec["imagebuilder"] = {**spec["imagebuilder"], "url": _archive_url(lease)}
    is_here = any(feed.url.startswith("file://") for feed in lease.spec.feeds)
    roots = _roots(lease.spec.distribution) if is_here else {}
    spec["feeds"] = [{**feed, "url": _feed_url(feed["url"], lease.spec.distribution, roots)} for feed in spec["feeds"]]
    return {
        "build": lease.build_id,
        "epoch": lease.epoch,
        "hash": lease.spec_hash,
        "seconds": lease.seconds,
        "spec": spec,
        "signature": _signature(lease),
    }


def _archive_url(lease: Lease) -> str:
    url = lease.spec.imagebuilder.url
    return f"{_PREFIX}/imagebuilders/{lease.spec.imagebuilder.sha256}" if url.startswith("file://") else url


def _feed_url(url: str, distribution: str, roots: Mapping[str, str]) -> str:
    if not url.startswith("file://"):
        return url
    for owner, root in roots.items():
        if url.startswith(f"{root}/"):
            return f"{_PREFIX}/files/{owner}/{url.removeprefix(root).strip('/')}"
    # The mirror moved since the build was queued: what is gone has no address, and no path of ours is told.
    return f"{_PREFIX}/files/{distribution}/-"


def _roots(distribution: str) -> dict[str, str]:
    """The mirrors that feeds of a build may be on, the innermost first: the distribution's, and that of its base."""
    row = Distribution.objects.select_related("built_on").filter(name=distribution).first()
    owners = [owner for owner in (row, row.built_on) if owner is not None and owner.url] if row is not None else []
    return {owner.name: owner.url.rstrip("/") for owner in sorted(owners, key=lambda owner: -len(owner.url))}


def _signature(lease: Lease) -> dict[str, Any]:
    """Where the ImageBuilder's hash is signed and by which keys, for workers that want to look for themselves."""
    sums = f"{lease.spec.imagebuilder.url.rpartition('/')[0]}/sha256sums"
    keys = [{"kind": key.kind, "text": key.text} for key in lease.spec.keys]
    is_here = sums.startswith("file://")
    return {
        "sums": "" if is_here else sums,
        "signatures": [] if is_here else [f"{sums}.sig", f"{sums}.asc"],
        "keys": keys,
    }


@calls.for_worker("GET", "HEAD", any_life=True)
def imagebuilder(request: HttpRequest, worker: Worker, sha256: str) -> HttpResponseBase:
    """The archive, in whole or in part; 202 with its `progress` in percent while we fetch it; 404: ask the mirror."""
    build = Build.objects.building().filter(worker=worker, imagebuilder=sha256).first()
    if build is None:
        raise calls.RefusedCallError(404, "unknown", "No build that you have leased needs this ImageBuilder.")
    found = archives.supply(sha256, build.spec["imagebuilder"]["url"])
    if found.failure:
        raise calls.RefusedCallError(404, "unknown", found.failure)
    if found.path is None:
        return JsonResponse(
            {"status": 202, "progress": found.percent, "detail": "The server is fetching it."},
            status=202,
            headers={"Retry-After": "1"},
        )
    try:
        return send(request, found.path.open("rb"))
    except FileNotFoundError as error:  # it had to make room just now
        raise calls.RefusedCallError(404, "unknown", "The server has it no more; ask the mirror.") from error


@calls.for_worker("GET", "HEAD", any_life=True)
def index(request: HttpRequest, worker: Worker, name: str) -> HttpResponseBase:
    """A package index by its SHA-256, as it was verified; with `.sig` its detached signature.

    With `.<signer>.sig` that of a key which a feed came with (`index_cache.signer_id`).
    """
    match = _INDEX.fullmatch(name)
    if match is None:
        raise calls.RefusedCallError(404, "unknown", "There is no such index.")
    sha256, signer, ending = match.group("sha256", "signer", "ending")
    try:
        data = index_cache.signature(sha256, signer or "") if ending else index_cache.load(sha256)
    except FileNotFoundError:
        data = None
    if data is None:
        raise calls.RefusedCallError(404, "unknown", "This index is not kept here; ask the mirror.")
    return HttpResponse(data, content_type="application/octet-stream")


@calls.for_worker("GET", "HEAD", any_life=True)
def file(request: HttpRequest, worker: Worker, distribution: str, path: str) -> HttpResponseBase:
    """A file of a mirror that lies on this machine: packages, above all."""
    row = _whose_files(worker, distribution)
    found = open_in(row.url, path) if row else None
    if found is None:
        raise calls.RefusedCallError(404, "unknown", "There is no such file.")
    return send(request, found)


def _whose_files(worker: Worker, name: str) -> Distribution | None:
    """The distribution of that name, if the worker builds for it or for a flavour of it."""
    building = Build.objects.building().filter(worker=worker).values_list("distribution", flat=True)
    rows = Distribution.objects.filter(name=name).filter(
        # A base may be disabled while a flavour of it is on offer.
        Q(name__in=building, is_enabled=True) | Q(flavours__name__in=building, flavours__is_enabled=True)
    )
    return rows.first()
