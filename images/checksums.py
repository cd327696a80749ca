"""MD5 sums of images, which clients of 2017 compare: computed when the first of them asks, then kept."""

import hashlib
import threading

from images import storage
from images.models import ImageFile

_turn = threading.Lock()


def md5_of(file: ImageFile) -> str:
    """The sum of a file as served. FileNotFoundError when it went away."""
    if file.md5:
        return file.md5
    # One at a time: all who poll for a large image ask at the same moment.
    with _turn:
        same = ImageFile.objects.filter(pk=file.pk, sha256=file.sha256)
        file.md5 = same.values_list("md5", flat=True).first() or _compute(file)
    return file.md5


def _compute(file: ImageFile) -> str:
    with (storage.folder(file.image.request.request_hash) / file.name).open("rb") as stream:
        # It tells broken transfers only; what was built is vouched for by SHA-256 and signature.
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    ImageFile.objects.filter(pk=file.pk, sha256=file.sha256).update(md5=found)
    return found
