"""What is known of images, for the web client: one image, the packages of one, how many there are; and old pages."""

import hashlib

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from images.api import answers
from images.api.classic import folders
from images.models import Image, ImageRequest
from images.pages import title_of
from packages import names
from packages.models import Distribution
from packages.versions import is_snapshot
from packages.visibility import viewer_of


@require_safe
def image(request: HttpRequest, image_hash: str, distribution: str = "") -> HttpResponse:
    """An image: of what, with what, from when."""
    found = folders.image_of(image_hash, distribution, viewer_of(request.META))
    if found is None:
        raise Http404
    asked = found.request
    row = Distribution.objects.filter(name=asked.distribution).first()
    title = (row.title if row else "") or asked.distribution
    script = asked.build.spec.get("defaults", "") if asked.build else ""
    return JsonResponse(
        {
            "image_hash": asked.request_hash,
            "manifest_hash": found.manifest_hash,
            "defaults_hash": hashlib.sha256(script.encode()).hexdigest() if script else "",
            "snapshots": is_snapshot(asked.version),
            "build_date": answers.iso(found.published_at),
            "model": title_of(asked),
            "target": asked.target,
            "subtarget": "",  # shown behind the target in 2018
            "profile": asked.profile,
            "distro": asked.distribution,
            "version": asked.version,
            # 2018 shows `alias` and `version`, later clients the other two.
            "alias": title,
            "distro_alias": title,
            "version_alias": asked.version,
            "files": folders.folder(asked.request_hash),
        }
    )


@require_safe
def manifest(request: HttpRequest, manifest_hash: str, distribution: str = "") -> HttpResponse:
    """The packages of the images of this manifest, with their versions."""
    found = _with_manifest(request, manifest_hash, distribution)
    if found is None:
        raise Http404
    return JsonResponse(found.manifest)


@require_safe
def image_stats(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """How many images were published."""
    rows = Image.objects.filter(request__in=ImageRequest.objects.visible_to(viewer_of(request.META)))
    return JsonResponse({"total": (rows.filter(request__distribution=distribution) if distribution else rows).count()})


# -- pages of then -----------------------------------------------------------------------------------------


@require_safe
def manifest_page(request: HttpRequest, manifest_hash: str, distribution: str = "") -> HttpResponse:
    """Manifests are on the pages of images."""
    found = _with_manifest(request, manifest_hash, distribution) or folders.image_of(
        manifest_hash, distribution, viewer_of(request.META)
    )
    if found is None:
        raise Http404
    return redirect("images:detail", found.request.request_hash)


@require_safe
def failures_page(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The builds that failed."""
    return HttpResponseRedirect("/images/?state=failed")


def _with_manifest(request: HttpRequest, manifest_hash: str, distribution: str) -> Image | None:
    """The newest image that holds exactly these packages."""
    if not names.SHA256.fullmatch(manifest_hash):
        return None
    seen = ImageRequest.objects.visible_to(viewer_of(request.META))
    if distribution:
        seen = seen.filter(distribution=distribution)
    rows = Image.objects.select_related("request").filter(manifest_hash=manifest_hash, request__in=seen)
    return rows.order_by("-id").first()
