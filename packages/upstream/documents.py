"""What every way to a mirror shares: the document, the limits, the sentences."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from packages.exceptions import BadDocumentError, DownloadStoppedError, TooLargeError

Progress = Callable[[int, int], None]  # bytes so far, bytes in all (0 = unknown)
GoOn = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the mirror has it. `etag` names its state for the next conditional request; may be empty."""

    data: bytes
    etag: str


def gunzip(data: bytes, max_bytes: int, *, name: str = "document") -> bytes:
    """Unpack gzip data of at most `max_bytes`; TooLargeError beyond that, BadDocumentError if it is no gzip."""
    result = bytearray()
    rest = data
    try:
        while rest:
            unpacker = zlib.decompressobj(wbits=31)
            result += unpacker.decompress(rest, max_bytes - len(result) + 1)
            if len(result) > max_bytes:
                raise TooLargeError(f"{name}: more than {max_bytes} bytes when unpacked.")
            if not unpacker.eof:
                raise BadDocumentError(f"{name}: the gzip data ends too early.")
            rest = unpacker.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise BadDocumentError(f"{name}: not gzip data.") from error
    return bytes(result)


def stop_if_told(go_on: GoOn, path: str) -> None:
    """DownloadStoppedError when `go_on` says no."""
    if not go_on():
        raise DownloadStoppedError(f"{path}: the download was stopped.")


def check_length(path: str, length: int, limit: int) -> None:
    """TooLargeError beyond the limit, both in bytes."""
    if length > limit:
        raise TooLargeError(f"{path}: more than {limit} bytes.")
