"""A build that failed because the mirror was moving: it is asked for anew, once, for whoever polls on.

What a build fetches is named by sums. Where the mirror has replaced it meanwhile, or is between kernel and modules, the
same request can well be built from what it has now; that is another build, and the old hash leads to it.
"""

from builders.states import Reason, State
from images import preparing
from images.clients import Client
from images.models import ImageRequest
from images.validation import APPEND, Asked
from packages.exceptions import SignatureError
from packages.models import Target
from packages.public_keys import read_keys

MOVED = frozenset({Reason.MIRROR_MOVED, Reason.KERNEL_MISMATCH})


def has_failed_by_it(request: ImageRequest) -> bool:
    """Whether what was built may come out otherwise once the mirror has been read again."""
    build = request.build
    return build is not None and build.state == State.FAILED and build.reason in MOVED


def successor(request: ImageRequest) -> ImageRequest | None:
    """The request that took the place of such a failure, or waits to; None: the failure stands."""
    if not has_failed_by_it(request) or not _can_be_asked_again(request):
        return None
    asked = _asked(request)
    row = ImageRequest.objects.with_outcome().filter(request_hash=preparing.hash_of(asked)).first()
    if row is None or _leads_to(row) in (None, request.pk):
        target = Target.objects.filter(
            release__distribution__name=request.distribution, release__version=request.version, name=request.target
        ).first()
        if target is None or not preparing.is_refresh_due(target.pk):
            return None
        row = preparing.ask(asked, target.pk)
    return None if _leads_to(row) == request.pk else row


def _can_be_asked_again(request: ImageRequest) -> bool:
    """Not where more decided it than its own fields: files from elsewhere, or who may know of it at all."""
    spec = request.build.spec if request.build else {}
    return not spec.get("files") and not spec.get("owner") and not request.echo.get("network_profile")


def _leads_to(row: ImageRequest) -> int | None:
    """The checked request, or itself while it waits or was refused; None: it led to one that is gone."""
    return row.resolved_to_id if row.status == ImageRequest.Status.ACCEPTED else row.pk


def _asked(request: ImageRequest) -> Asked:
    """The request as it was understood, asked once more; its revision included, where that is known."""
    echo = request.echo
    keys = [key for text in echo.get("repository_keys", ()) for key in _keys(text)]
    return Asked(
        distribution=request.distribution,
        version=request.version,
        target=request.target,
        profile=request.profile,
        packages=tuple(echo["packages"]),
        versions=dict(echo["packages_versions"]),
        diff_packages=bool(echo["diff_packages"]),
        version_code=str(echo["version_code"]),
        filesystem=echo["filesystem"] or "",
        defaults=str(request.build.spec.get("defaults") or "") if request.build else "",
        rootfs_size_mb=echo["rootfs_size_mb"],
        repositories=dict(echo.get("repositories") or {}),
        repositories_mode=str(echo.get("repositories_mode") or APPEND),
        repository_keys=tuple(keys),
        client=request.client,
        asker=Client(request.asker, is_trusted=True),
    )


def _keys(text: str) -> list[tuple[str, str]]:
    try:
        return [(key.kind, key.text) for key in read_keys(text)]
    except SignatureError:
        return []
