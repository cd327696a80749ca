"""From a build that is ready to verified files and the words about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asu_cli import choosing
from asu_cli.answers import ImageFile, Ready
from asu_cli.download import Downloads, Fetched
from asu_cli.errors import UsageError
from asu_cli.output import Output
from asu_cli.server import Server, file_path
from asu_cli.usign import PublicKey


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch, and where to."""

    folder: Path
    types: Sequence[str] = ()
    filesystem: str = ""
    everything: bool = False
    force: bool = False

    def choose(self, ready: Ready) -> list[ImageFile]:
        return choosing.choose(ready, types=self.types, filesystem=self.filesystem, everything=self.everything)


def fetch(server: Server, ready: Ready, wanted: Wanted, keys: tuple[PublicKey, ...], output: Output) -> list[Fetched]:
    """The files, each verified before it gets its name."""
    images = wanted.choose(ready)
    if not wanted.folder.is_dir():
        raise UsageError(f"{wanted.folder} is not a folder; give one that is there by --output.")
    downloads = Downloads(server.link, ready, wanted.folder, keys, force=wanted.force, progress=output.bytes)
    return [downloads.fetch(image) for image in images]


def document(server: Server, ready: Ready, fetched: list[Fetched]) -> dict[str, Any]:
    """A finished build as JSON."""
    return {
        "status": "done",
        "exit_code": 0,
        "server": server.base,
        "request_hash": ready.request_hash,
        "version": ready.version,
        "version_code": ready.version_code,
        "target": ready.target,
        "profile": ready.profile,
        "manifest": dict(ready.manifest),
        "images": [_image(server, ready, image) for image in ready.images],
        "files": [_file(entry) for entry in fetched],
    }


def _image(server: Server, ready: Ready, image: ImageFile) -> dict[str, Any]:
    url = server.base + file_path(ready.bin_dir, image.name)
    return {
        "name": image.name,
        "type": image.type,
        "filesystem": image.filesystem,
        "size": image.size,
        "sha256": image.sha256,
        "url": url,
    }


def _file(entry: Fetched) -> dict[str, Any]:
    return {
        "name": entry.image.name,
        "path": str(entry.path.absolute()),
        "size": entry.size,
        "sha256": entry.image.sha256,
        "was_there": entry.was_there,
        "in_sha256sums": entry.in_sums,
        "signed_by": entry.signed_by or None,
    }


def rows(fetched: list[Fetched]) -> list[str]:
    """The paths, for people and for scripts that take stdout."""
    return [str(entry.path) for entry in fetched]


def say_what_was_checked(fetched: list[Fetched], output: Output) -> None:
    """What was proved, and what was not."""
    for entry in fetched:
        proofs = ["SHA-256"]
        if entry.in_sums:
            proofs.append("sha256sums")
        if entry.signed_by:
            proofs.append(f"signature by {entry.signed_by}")
        output.note(f"{entry.path.name}: verified ({', '.join(proofs)}).")
    if any(not entry.signed_by for entry in fetched):
        output.note(
            "The signature was not checked: no key was given. The server's maintainers have its public key; "
            "use it by --key FILE, or once and for all by: asu key pin FILE"
        )
