"""An unpacked ImageBuilder of the demo, run as anybody would: by make, in its folder."""

import io
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import zstandard

from demo.mirror import HOME

PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class ImageBuilder:
    """One tree whose feeds are those of a mirror in a folder."""

    tree: Path

    def make(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run make with nothing in the environment but PATH."""
        return subprocess.run(
            ["make", *arguments],
            cwd=self.tree,
            env={"PATH": PATH},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def image(self, out: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`make image` into `out`."""
        return self.make("image", f"BIN_DIR={out}", *arguments)


def unpack(mirror: Path, folder: Path, release: str, target: str = "demo/generic") -> ImageBuilder:
    """Unpack the ImageBuilder of `release` (a folder of the mirror, e.g. `releases/25.04.0`) below `folder`."""
    [archive] = (mirror / release / "targets" / target).glob("demo-imagebuilder-*")
    folder.mkdir(parents=True, exist_ok=True)
    data = archive.read_bytes()
    if archive.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        tar.extractall(folder)  # our own archive; filters are newer than Debian's Python
    [tree] = folder.glob("demo-imagebuilder-*")
    feeds = tree / "repositories.conf"
    feeds.write_text(feeds.read_text().replace(HOME, mirror.as_uri()))
    return ImageBuilder(tree)


def unsquash(image: Path, folder: Path) -> Path:
    """The root file system inside an image; its place is found by the magic of squashfs."""
    data = image.read_bytes()
    squashfs = folder / "root.squashfs"
    squashfs.write_bytes(data[data.index(b"hsqs", 512 * 1024) :])
    root = folder / "root"
    subprocess.run(
        ["unsquashfs", "-no-progress", "-ignore-errors", "-d", root, squashfs],
        check=False,
        capture_output=True,
        env={"PATH": os.environ["PATH"] + ":" + PATH},
    )
    return root
