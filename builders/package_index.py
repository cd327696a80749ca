"""The index of the packages that an ImageBuilder carries, as its own script would make it.

The script (`scripts/ipkg-make-index.sh`, called by `make package_index`) starts a dozen programs for each package and
goes over all packages twice: minutes for the 3,800 packages of a 15.05 archive, seconds here. The form is that of opkg:
each package's control file with Filename, Size and sums before its Description.
"""

import gzip
import hashlib
import os
from pathlib import Path

from builders import carried
from packages.exceptions import BadDocumentError

# Installed by the ImageBuilder itself, by file name; its script leaves them out.
_UNLISTED = ("kernel", "libc")


def write(tree: Path) -> None:
    """Make `packages/Packages` and `packages/Packages.gz`, owned by whoever owns the folder."""
    folder = tree / carried.FOLDER
    text = b"".join(_stanza(folder, path) for path in _listed(tree, folder))
    owner = folder.stat()
    for name, data in (("Packages", text), ("Packages.gz", gzip.compress(text, mtime=0))):
        path = folder / name
        path.unlink(missing_ok=True)  # a link that the archive brought must not lead us elsewhere
        path.write_bytes(data)
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)


def _listed(tree: Path, folder: Path) -> list[Path]:
    """By path in the order of bytes, as `find | sort` has them."""
    found = [path for path in carried.package_files(tree) if path.suffix == ".ipk"]
    found = [path for path in found if path.name.partition("_")[0] not in _UNLISTED]
    return sorted(found, key=lambda path: os.fsencode(path.relative_to(folder)))


def _stanza(folder: Path, path: Path) -> bytes:
    """One package; nothing for a broken one, which cannot be installed either."""
    try:
        control = carried.read_control(path).strip(b"\n")
    except BadDocumentError:
        return b""
    lines = control.split(b"\n")
    places = [number for number, line in enumerate(lines) if line.startswith(b"Description:")]
    place = places[0] if places else len(lines)
    lines[place:place] = _facts(os.fsencode(path.relative_to(folder)), path)
    return b"\n".join(lines) + b"\n\n"


def _facts(name: bytes, path: Path) -> list[bytes]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256")
        file.seek(0)
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        size = file.tell()
    return [
        b"Filename: " + name,
        b"Size: %d" % size,
        b"MD5Sum: " + md5.hexdigest().encode(),
        b"SHA256sum: " + sha256.hexdigest().encode(),
    ]
