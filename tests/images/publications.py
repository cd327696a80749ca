"""Published images for tests, made as in real life: asked for, leased, finished."""

import hashlib
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from django.utils import timezone

from builders import queue
from builders.models import Build
from builders.spec import BuildResult, BuildSpec, ResultFile
from images.models import Image, ImageRequest
from tests.factories import make_spec, make_worker
from tests.images.factories import ask

FACTORY = "demo-1.0.0-hill-small-tiny-squashfs-factory.bin"
SYSUPGRADE = "demo-1.0.0-hill-small-tiny-squashfs-sysupgrade.bin"
DATA = {SYSUPGRADE: b"upgrade" * 100_000, FACTORY: b"factory" * 1000}


def upload(data: dict[str, bytes] = DATA) -> Path:
    """A folder as a worker hands it in."""
    folder: Path = settings.ASU_UPLOAD_DIR / "1-1"
    folder.mkdir()
    for name, content in data.items():
        (folder / name).write_bytes(content)
    return folder


def result(data: dict[str, bytes] = DATA, **changes: Any) -> BuildResult:
    """What a worker says about that folder; the images' own sums are those of before a signature was cut off."""
    images = [
        {
            "name": name,
            "type": name.removesuffix(".bin").rpartition("-")[2],
            "filesystem": "squashfs",
            "sha256": "0" * 64,
            "sha256_unsigned": hashlib.sha256(content).hexdigest(),
        }
        for name, content in data.items()
        if name.endswith(".bin")
    ]
    titles = [{"vendor": "Demo", "model": "Tiny"}]
    values: dict[str, Any] = {
        "files": [ResultFile(name, len(text), hashlib.sha256(text).hexdigest()) for name, text in data.items()],
        "manifest": {"base-files": "1", "vim": "9.1-r1"},
        "profile_json": {"version_number": "1.0.0", "profiles": {"tiny": {"titles": titles, "images": images}}},
        "build_cmd": ["make", "image", "PROFILE=tiny", "PACKAGES=vim -ppp"],
        "stdout": "all went well",
        "seconds": 1.5,
    }
    return BuildResult(**values | changes)


def make_request(spec: BuildSpec | None = None, **fields: Any) -> ImageRequest:
    """An accepted request with its build in the queue."""
    spec = spec or make_spec(packages=("vim", "-ppp"))
    build, _ = queue.submit(spec)
    values: dict[str, Any] = {
        "request_hash": spec.hash(),
        "canonical": spec.canonical_json(),
        "distribution": spec.distribution,
        "version": spec.version,
        "target": spec.target,
        "profile": spec.profile,
        "echo": {"version": spec.version},
        "build": build,
    }
    return ImageRequest.objects.create(**values | fields)


def finish(request: ImageRequest, outcome: BuildResult | None = None, folder: Path | None = None) -> Build:
    """Leases the request's build and hands a result in."""
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    assert request.build is not None
    assert lease.build_id == request.build.pk
    queue.finish(lease, worker, outcome or result(), folder or upload())
    request.build.refresh_from_db()
    return request.build


def make_image(**fields: Any) -> Image:
    """A published image with an image for each of two uses."""
    request = make_request()
    finish(request)
    image = Image.objects.get(request=request)
    if fields:
        Image.objects.filter(pk=image.pk).update(**fields)
        image.refresh_from_db()
    return image


def published(client: Client, /, **changes: Any) -> Image:
    """An image of the small catalogue, as a router has it built."""
    return publish(ImageRequest.objects.get(request_hash=ask(client, **changes).json()["request_hash"]))


def publish(request: ImageRequest, data: dict[str, bytes] = DATA) -> Image:
    """Builds what was asked for, and nothing else waits."""
    outcome = result(data)
    outcome.profile_json["profiles"] = {request.profile: outcome.profile_json["profiles"]["tiny"]}
    folder = upload(data)
    finish(request, outcome, folder)
    shutil.rmtree(folder)
    return Image.objects.get(request=request)


def asked(image: Image, ago: timedelta) -> None:
    """As if somebody had asked for it that long ago, and nobody since."""
    Image.objects.filter(pk=image.pk).update(last_asked_at=timezone.now() - ago)


def withdrawn(why: str = "It had a hole.") -> dict[str, Any]:
    """Fields of a withdrawn image."""
    return {"withdrawn_at": timezone.now(), "withdrawn_why": why}
