"""Feeds: repositories.conf, their indexes with signatures, package files, and the index of our own packages/."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from . import opkg, usign
from .tree import BuildError, Tree


@dataclass(frozen=True)
class Feed:
    """One line of repositories.conf."""

    name: str
    location: str
    is_compressed: bool

    @property
    def is_remote(self) -> bool:
        return self.location.startswith(("http://", "https://", "ftp://"))

    def local_path(self, tree: Tree, name: str) -> Path:
        folder = self.location.removeprefix("file://").removeprefix("file:")
        return tree.top / folder / name


class Errors(list[str]):
    """What is printed under `Collected errors:` when the run ends."""

    def show(self) -> None:
        if self:
            sys.stdout.flush()
            sys.stderr.write("Collected errors:\n" + "".join(f" * {line}\n" for line in self))
            sys.stderr.flush()
            self.clear()


def note(text: str) -> None:
    """Progress of the feeds goes to stderr, as that of the real ones does."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def read_repositories(tree: Tree) -> tuple[list[Feed], bool]:
    """The feeds in order, and whether their signatures are checked."""
    feeds, checked = [], False
    for line in (tree.top / "repositories.conf").read_text(encoding="utf-8").splitlines():
        words = line.split("#", 1)[0].split()
        if words[:2] == ["option", "check_signature"]:
            checked = words[2:] != ["0"]
        elif len(words) >= 3 and words[0] in ("src", "src/gz"):
            feeds.append(Feed(words[1], words[2].rstrip("/"), words[0] == "src/gz"))
    return feeds, checked and tree.checks_signatures


def read_file(tree: Tree, feed: Feed, name: str, errors: Errors) -> bytes | None:
    """A file of a feed; None, with the reason among the errors, when it cannot be had."""
    if not feed.is_remote:
        try:
            return feed.local_path(tree, name).read_bytes()
        except OSError as error:
            errors.append(f"file_copy: {feed.local_path(tree, name)}: {error.strerror}.")
            return None
    address = f"{feed.location}/{name}"
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - the operator wrote the address
            data: bytes = answer.read()
            return data
    except urllib.error.HTTPError:
        status = 8
    except (OSError, ValueError):
        status = 4
    errors.append(f"opkg_download: Failed to download {address}, wget returned {status}.")
    return None


def update(tree: Tree) -> dict[str, list[opkg.Package]]:
    """Every package of every feed that can be read and trusted, by name, best first.

    As with the real ones a feed that fails is left out and the run goes on: what it held is then unknown.
    """
    feeds, checked = read_repositories(tree)
    errors = Errors()
    found: dict[str, list[opkg.Package]] = {}
    tree.downloads.mkdir(exist_ok=True)
    for feed in feeds:
        text = _fetch_index(tree, feed, checked, errors)
        for fields in opkg.stanzas(text or ""):
            if fields.get("Architecture") in ("all", "noarch", tree.arch):
                package = opkg.Package(fields["Package"], fields["Version"], fields, feed.name, feed.location)
                found.setdefault(package.name, []).append(package)
    errors.show()
    for packages in found.values():
        packages.sort(key=lambda package: opkg.version_key(package.version), reverse=True)
    return found


def _fetch_index(tree: Tree, feed: Feed, checked: bool, errors: Errors) -> str | None:
    """The text of an index, also kept as dl/<dist>_<name>; a stale copy serves while the feed is away."""
    name = "Packages.gz" if feed.is_compressed else "Packages"
    kept = tree.downloads / (feed.name if feed.name.startswith(tree.dist) else f"{tree.dist}_{feed.name}")
    note(f"Downloading {feed.location}/{name}")
    data = read_file(tree, feed, name, errors)
    if data is None:
        note(f"*** Failed to download the package list from {feed.location}/{name}\n")
        return kept.read_text(encoding="utf-8") if kept.exists() else None
    try:
        index = gzip.decompress(data) if feed.is_compressed else data
        text = index.decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError):
        errors.append(f"opkg_update: {feed.location}/{name} is not an index.")
        return None
    note(f"Updated list of available packages in {kept}")
    if checked:
        note(f"Downloading {feed.location}/Packages.sig")
        signature = read_file(tree, feed, "Packages.sig", errors)
        if signature is None or not usign.verify(index, signature.decode("utf-8", "replace"), tree.keys):
            note("Signature check failed.\nRemove wrong Signature file.")
            kept.unlink(missing_ok=True)
            return None
        note("Signature check passed.")
    kept.write_bytes(index)
    return text


def fetch_package(tree: Tree, package: opkg.Package, errors: Errors) -> bytes | None:
    """The file of a package, checked against the index; remote ones stay in dl/."""
    name = package.fields.get("Filename", "")
    feed = Feed(package.feed, package.location, False)
    kept = tree.downloads / Path(name).name
    if feed.is_remote and kept.exists() and _is_intact(package, kept.read_bytes()):
        sys.stdout.write(f"Copying {kept}.\n")
        return kept.read_bytes()
    sys.stdout.write(
        f"Downloading {feed.location}/{name}\n" if feed.is_remote else f"Copying {feed.local_path(tree, name)}.\n"
    )
    data = read_file(tree, feed, name, errors)
    if data is not None and not _is_intact(package, data):
        errors.append(f"opkg_install_pkg: Checksum or size mismatch for package {package.name}.")
        return None
    if data is not None and feed.is_remote:
        kept.write_bytes(data)
    return data


def _is_intact(package: opkg.Package, data: bytes) -> bool:
    size, digest = package.fields.get("Size"), package.fields.get("SHA256sum")
    return size in (None, str(len(data))) and digest in (None, hashlib.sha256(data).hexdigest())


# -- packages/ of this tree -------------------------------------------------------------------------------------------


def make_local_index(tree: Tree) -> None:
    """packages/Packages, .gz and .sig (by the key of this tree), unless they are there and newer than the packages."""
    index = tree.package_dir / "Packages"
    files = sorted(tree.package_dir.glob("*.ipk"))
    if index.exists() and all(file.stat().st_mtime <= index.stat().st_mtime for file in files):
        if (tree.package_dir / "Packages.sig").exists():
            return
    else:
        note("Package list missing or not up-to-date, generating it.\n")
    note("Building package index...")
    key = tree.local_key()
    text = "".join(_stanza(file) for file in files).encode("utf-8")
    index.write_bytes(text)
    (tree.package_dir / "Packages.gz").write_bytes(gzip.compress(text, mtime=0))
    (tree.package_dir / "Packages.sig").write_text(key.sign(text), encoding="ascii")


def _stanza(file: Path) -> str:
    data = file.read_bytes()
    control = control_text(data).rstrip("\n")
    head, marker, description = control.partition("\nDescription:")
    facts = f"\nFilename: {file.name}\nSize: {len(data)}\nSHA256sum: {hashlib.sha256(data).hexdigest()}"
    return f"{head}{facts}{marker}{description}\n\n"


def member(package: bytes, name: str) -> bytes:
    """One of the three files inside an .ipk."""
    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as outer:
            for entry in outer:
                if entry.name.lstrip("./") == name:
                    file = outer.extractfile(entry)
                    if file is not None:
                        return file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BuildError(f"Malformed package file: {error}", 255) from None
    raise BuildError(f"Malformed package file: no {name}", 255)


def control_text(package: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(member(package, "control.tar.gz")), mode="r:gz") as control:
        for entry in control:
            if entry.name.lstrip("./") == "control":
                file = control.extractfile(entry)
                if file is not None:
                    return file.read().decode("utf-8")
    raise BuildError("Malformed package file: no control file", 255)
