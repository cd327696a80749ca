"""A finished build becomes a published image: files into the store, then the rows that make them visible."""

import copy
import errno
import json
import mmap
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from builders.failures import disk_full
from builders.models import Build
from builders.spec import BuildFailedError, BuildResult
from builders.states import Reason
from images import fingerprint, room
from images.models import Image, ImageFile, ImageRequest
from images.storage import Draft, StoreError
from packages import names
from packages.signatures import UsignKey, verify_usign

LOG = "build.log"
SUMS = "sha256sums"
PROFILES = "profiles.json"
SIGNATURE = ".sig"
_OURS = frozenset({LOG, SUMS, PROFILES})
# The names of some old images (`...-squashfs.trx`) do not say what they are; clients are told a word all the same.
UNNAMED_TYPE = "image"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DOCUMENTS = 256 * 1024  # bytes that manifest, sums, signatures and the like never come to


def on_build_finished(sender: object, *, build: Build, result: BuildResult, folder: Path, **kwargs: Any) -> None:
    """Receiver of `builders.signals.build_finished`; what it raises keeps the build unfinished."""
    request = ImageRequest.objects.filter(build=build).first()
    if request is None:  # nobody asked: nobody could find it either
        return
    try:
        _publish_making_room(request, result, folder)
    except StoreError as error:
        raise BuildFailedError(Reason.BAD_RESULT, f"The result of the build is not in order: {error}") from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise disk_full() from error


def _publish_making_room(request: ImageRequest, result: BuildResult, folder: Path) -> None:
    """Publishes; on a full disk once more, after images that nobody asked for lately went."""
    try:
        publish(request, result, folder)
    except OSError as error:
        needed = sum(file.size for file in result.files) + len(result.stdout) + len(result.stderr) + _DOCUMENTS
        if error.errno not in _FULL or not room.make_room(needed):
            raise
        publish(request, result, folder)


def publish(request: ImageRequest, result: BuildResult, folder: Path) -> Image:
    """Moves the declared files of `folder` into the store and writes the rows, in the caller's transaction.

    What a build says is checked, not believed: names, sizes and sums. `sha256sums`, `profiles.json`, the log and the
    signatures are made here, from the files as they are served. Raises StoreError when something differs.
    """
    profile_json = copy.deepcopy(result.profile_json)
    images = _image_entries(profile_json)
    if PROFILES in result.details.get("made_here", ()):
        _describe(profile_json, request)
    _name_flavour(profile_json, request)
    with Draft.open(request.request_hash) as draft:
        # A signature that a build brings along is nobody's: it would pass for ours, or lie in its place.
        for file in result.files:
            if file.name not in _OURS and not file.name.endswith(SIGNATURE):
                draft.take(folder / file.name, file.name, file.size, file.sha256)
        _correct_sums(images, draft)
        _add_own_files(draft, request, result, profile_json)
        _sign(draft, [entry["name"] for entry in images])
        draft.publish(request.request_hash)
        return _write_rows(request, result, profile_json, draft.sums)


def _image_entries(profile_json: dict[str, Any]) -> list[dict[str, Any]]:
    """The `images` of the one profile in the document."""
    try:
        (profile,) = profile_json["profiles"].values()
        entries = profile["images"]
        if not entries or not all(isinstance(entry["name"], str) for entry in entries):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError("The build's profiles.json does not name one profile with images.") from error
    return list(entries)


def _describe(profile_json: dict[str, Any], request: ImageRequest) -> None:
    """Where the ImageBuilder writes no profiles.json, what `make info` said of the device is in the catalogue."""
    profile = request.profile_in_catalogue()
    if profile is None:
        return
    profile_json["default_packages"] = profile.target.default_packages
    for entry in profile_json["profiles"].values():
        entry["titles"] = profile.titles
        entry["supported_devices"] = profile.supported_devices
        entry["device_packages"] = profile.device_packages


def _name_flavour(profile_json: dict[str, Any], request: ImageRequest) -> None:
    """The ImageBuilder of a flavour knows its own version and packages only; the image is the flavour's."""
    profile = request.profile_in_catalogue()
    if profile is None or profile.target.built_on_id is None:
        return
    profile_json["version_number"] = request.version
    profile_json["default_packages"] = profile.target.image_packages
    for entry in profile_json["profiles"].values():
        entry["device_packages"] = profile.image_packages


def _correct_sums(images: list[dict[str, Any]], draft: Draft) -> None:
    """The document tells size and sums of the files as served, whatever it told before, and each image has a type."""
    for entry in images:
        if entry["name"] not in draft.sums:
            raise StoreError(f"The build's profiles.json names {entry['name']!r}, which was not delivered.")
        entry["size"], entry["sha256"] = draft.sums[entry["name"]]
        entry["type"] = entry.get("type") or UNNAMED_TYPE
        if not entry["size"]:
            raise StoreError(f"{entry['name']} is empty.")
        unsigned = entry.get("sha256_unsigned")
        if not (isinstance(unsigned, str) and names.SHA256.fullmatch(unsigned)):
            entry["sha256_unsigned"] = entry["sha256"]


def _add_own_files(draft: Draft, request: ImageRequest, result: BuildResult, profile_json: dict[str, Any]) -> None:
    if not any(name.endswith(".manifest") for name in draft.sums):
        lines = (f"{name} - {version}\n" for name, version in sorted(result.manifest.items()))
        draft.write(f"{request.request_hash[:12]}.manifest", "".join(lines).encode())
    draft.write(PROFILES, json.dumps(profile_json, indent=1, sort_keys=True).encode())
    draft.write(LOG, f"{' '.join(result.build_cmd)}\n\n{result.stdout}\n{result.stderr}".encode("utf-8", "replace"))
    draft.write(SUMS, "".join(f"{sha256} *{name}\n" for name, (_size, sha256) in draft.sums.items()).encode())


def signing_key() -> UsignKey | None:
    """The key from the environment, else the one that `make_signing_key` made; None: images stay unsigned."""
    text = settings.ASU_SIGNING_KEY
    kept = settings.ASU_KEY_DIR / "signing.sec"
    if not text and kept.exists():
        text = kept.read_text()
    return UsignKey.from_secret_text(text) if text else None


def _sign(draft: Draft, images: list[str]) -> None:
    """Signs the images and the sums, and checks each signature after it was written."""
    key = signing_key()
    if key is None:
        return
    for name in [*images, SUMS]:
        with (draft.path / name).open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            signature = f"{name}{SIGNATURE}"
            draft.write(signature, key.sign(data).encode())
            verify_usign(data, (draft.path / signature).read_bytes(), [key.public_text()])


def _write_rows(
    request: ImageRequest, result: BuildResult, profile_json: dict[str, Any], sums: dict[str, tuple[int, str]]
) -> Image:
    now = timezone.now()
    image, created = Image.objects.update_or_create(
        request=request,
        defaults={
            "profile_json": profile_json,
            "manifest": result.manifest,
            "manifest_hash": fingerprint.of_manifest(result.manifest),
            "published_at": now,
            "last_asked_at": now,
            "expired_at": None,
        },
    )
    # Built again after its files had gone: the counters go on.
    downloads = {} if created else dict(image.files.values_list("name", "downloads"))
    image.files.all().delete()
    entries = {entry["name"]: entry for entry in _image_entries(profile_json)}
    rows = []
    for name, (size, sha256) in sums.items():
        entry = entries.get(name, {})
        rows.append(
            ImageFile(
                image=image,
                name=name,
                type=str(entry.get("type", ""))[:64],
                filesystem=str(entry.get("filesystem", ""))[:32],
                size=size,
                sha256=sha256,
                sha256_unsigned=entry.get("sha256_unsigned", sha256),
                downloads=downloads.get(name, 0),
            )
        )
    ImageFile.objects.bulk_create(rows)
    return image
