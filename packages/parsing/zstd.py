"""Zstandard streams: unpacked by the Python module, or by whatever a worker has that lacks the module."""

from collections.abc import Callable
from io import RawIOBase
from typing import IO, Any


def _module() -> Any:
    try:
        import zstandard
    except ImportError:
        return None
    return zstandard


_zstandard = _module()
MAGIC = b"\x28\xb5\x2f\xfd"
# Level 20 and above use windows of up to 128 MB, which is the default limit too.
MAX_WINDOW_MB = 128


class UnpackError(Exception):
    """The data cannot be unpacked."""


ERRORS: tuple[type[Exception], ...] = (UnpackError, *([_zstandard.ZstdError] if _zstandard else []))


def _refuse(file: IO[bytes]) -> RawIOBase:
    raise UnpackError("the Python module zstandard is not installed")


# Programs are started in builders/runners only: whoever can start one that unpacks puts it here.
without_module: Callable[[IO[bytes]], RawIOBase] = _refuse


def open_stream(file: IO[bytes], *, across_frames: bool = False) -> Any:
    """What the file holds from here on; `across_frames`: also what follows the end of the first frame."""
    if _zstandard is None:
        return without_module(file)
    unpacker = _zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_MB * 1024 * 1024)
    return unpacker.stream_reader(file, read_across_frames=across_frames)
