"""Where checked requests become rows, each once, however many ask at the same time."""

from typing import Any

from django.db import transaction

from builders import queue
from builders.spec import BuildSpec
from images.models import ImageRequest


def store(spec: BuildSpec, echo: dict[str, Any], client: str) -> tuple[ImageRequest, bool]:
    """The request's row with its build, and whether it is new. Durable when this returns."""
    request_hash = spec.hash()
    known = ImageRequest.objects.with_outcome().filter(request_hash=request_hash).first()
    if known is not None:
        return known, False
    with transaction.atomic():
        build, _ = queue.submit(spec)
        request, created = ImageRequest.objects.get_or_create(
            request_hash=request_hash,
            defaults={
                "distribution": spec.distribution,
                "version": spec.version,
                "target": spec.target,
                "profile": spec.profile,
                "echo": echo,
                "client": client,
                "build": build,
            },
        )
    return request, created
