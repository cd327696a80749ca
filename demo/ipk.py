"""Writes package files (.ipk) and their indexes. The same input gives the same bytes."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

EPOCH = 1700000000  # every file in every package is of this time


@dataclass(frozen=True)
class File:
    """A file, or with `link` a symbolic link, or with neither data nor link a folder."""

    path: str  # without leading slash
    data: bytes | None = None
    mode: int = 0o644
    link: str = ""


@dataclass(frozen=True)
class Package:
    """One package as it goes into one feed."""

    name: str
    version: str
    architecture: str
    files: tuple[File, ...]
    description: str
    section: str = "utils"
    depends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    abi: str = ""
    scripts: tuple[tuple[str, bytes], ...] = ()  # postinst, prerm
    conffiles: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """As the package manager has it: with the ABI suffix."""
        return self.name + self.abi

    @property
    def file_name(self) -> str:
        return f"{self.full_name}_{self.version}_{self.architecture}.ipk"

    def control_fields(self) -> dict[str, str]:
        """Control file and index stanza begin with these."""
        installed = sum(len(file.data or b"") for file in self.files)
        fields = {
            "Package": self.full_name,
            "Version": self.version,
            "Depends": ", ".join(self.depends),
            "Conflicts": ", ".join(self.conflicts),
            "Provides": ", ".join(self.provides),
            "License": "GPL-2.0-or-later",
            "Section": self.section,
            "ABIVersion": self.abi,
            "Architecture": self.architecture,
            "Installed-Size": str(installed),
        }
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True)
class Built:
    """A package with the bytes of its file."""

    package: Package
    data: bytes

    def stanza(self) -> str:
        """Its part of a Packages file."""
        fields = self.package.control_fields() | {
            "Filename": self.package.file_name,
            "Size": str(len(self.data)),
            "SHA256sum": hashlib.sha256(self.data).hexdigest(),
            "Description": self.package.description,
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n"


def tar(files: Iterable[File], *, mtime: int = EPOCH, prefix: str = "./") -> bytes:
    """An archive owned by root, sorted, with the folders that lead to each file."""
    entries: dict[str, File] = {}
    for file in files:
        parts = file.path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            entries.setdefault(folder, File(folder, mode=0o755))
        entries[file.path] = file
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(entries):
            archive.addfile(*_entry(entries[path], prefix, mtime))
    return buffer.getvalue()


def _entry(file: File, prefix: str, mtime: int) -> tuple[tarfile.TarInfo, io.BytesIO | None]:
    entry = tarfile.TarInfo(prefix + file.path)
    entry.mtime, entry.mode, entry.uname, entry.gname = mtime, file.mode, "root", "root"
    if file.link:
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, file.link, 0o777
        return entry, None
    if file.data is None:
        entry.type = tarfile.DIRTYPE
        return entry, None
    entry.size = len(file.data)
    return entry, io.BytesIO(file.data)


def pack(data: bytes) -> bytes:
    """gzip without a time in its head."""
    return gzip.compress(data, 6, mtime=0)


@cache
def _data_archive(files: tuple[File, ...]) -> bytes:
    return pack(tar(files))


@cache
def build(package: Package) -> Built:
    """The package file."""
    fields = package.control_fields() | {"Description": package.description}
    control = [File("control", "".join(f"{name}: {value}\n" for name, value in fields.items()).encode())]
    control += [File(name, text, 0o755) for name, text in package.scripts]
    if package.conffiles:
        control.append(File("conffiles", "".join(f"/{path}\n" for path in package.conffiles).encode()))
    # The outer archive holds what is packed already: level 1 is enough.
    outer = tar(
        [
            File("debian-binary", b"2.0\n"),
            File("data.tar.gz", _data_archive(package.files)),
            File("control.tar.gz", pack(tar(control))),
        ]
    )
    return Built(package, gzip.compress(outer, 1, mtime=0))


def packages_index(packages: Iterable[Built]) -> bytes:
    """The text of `Packages`."""
    return "".join(built.stanza() for built in packages).encode()


def json_index(packages: Iterable[Built], architecture: str, *, is_newer: bool) -> bytes:
    """`index.json`: names with ABI suffix in the older era (version 1), without in the newer one (version 2)."""
    names = {(built.package.name if is_newer else built.package.full_name): built.package.version for built in packages}
    document: dict[str, object] = {"architecture": architecture, "packages": names}
    if is_newer:
        document["version"] = 2
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
