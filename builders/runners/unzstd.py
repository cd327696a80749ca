"""The program `zstd`, for workers without the Python module: unpacks a stream in a process of its own."""

import shutil
import subprocess
import threading
from io import RawIOBase
from typing import IO, Any

from builders.runners.walls import PATH
from builders.spec import BuildFailedError
from builders.states import Reason
from packages.parsing.zstd import MAX_WINDOW_MB, UnpackError

_CHUNK = 256 * 1024


class Unzstd(RawIOBase):
    """What is packed in the file, from where that stands. Closing it ends the program; so does forgetting it."""

    def __init__(self, file: IO[bytes]) -> None:
        program = shutil.which("zstd", path=PATH)
        if program is None:
            raise BuildFailedError(
                Reason.PREREQUISITE,
                "The worker can unpack no .zst: it has neither the program zstd nor the Python module zstandard. "
                "The maintainer of the worker has to install one of them.",
            )
        self._process = subprocess.Popen(
            [program, "-dcq", f"--memory={MAX_WINDOW_MB}MB"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": PATH, "LC_ALL": "C"},
        )
        # A function, not a method: the thread must not keep us from being forgotten.
        self._feeder = threading.Thread(target=_feed, args=(file, self._process.stdin), daemon=True)
        self._feeder.start()

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """At least one byte, or 0 at the end. UnpackError when the data is broken."""
        assert self._process.stdout is not None and self._process.stderr is not None
        count = self._process.stdout.readinto(buffer)  # type: ignore[attr-defined]
        if count == 0:
            said = self._process.stderr.read(2000).decode(errors="replace").strip()
            if self._process.wait() != 0:
                raise UnpackError(said.rpartition(" : ")[2] or "zstd failed")
        return int(count)

    def close(self) -> None:
        """End the program, wherever it is."""
        if not self.closed and hasattr(self, "_process"):
            self._process.kill()
            self._feeder.join()
            for stream in (self._process.stdout, self._process.stderr):
                if stream is not None:
                    stream.close()
            self._process.wait()
        super().close()


def _feed(file: IO[bytes], stdin: IO[bytes]) -> None:
    try:
        with stdin:
            while data := file.read(_CHUNK):
                stdin.write(data)
    except (OSError, ValueError):
        pass  # it has ended and says why; or the file has, and it will say what is missing
