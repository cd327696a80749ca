"""Installs packages into the root file system of a build, as an offline package manager does."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tarfile
from pathlib import Path, PurePosixPath

from . import feeds, opkg
from .resolver import Resolver
from .tree import BuildError, Tree

FIRST = ("libc", "kernel")


def install_all(tree: Tree) -> None:
    """A fresh root with everything that was asked for; BuildError 255 when something cannot be installed."""
    shutil.rmtree(tree.root, ignore_errors=True)
    (tree.root / "usr/lib/opkg/info").mkdir(parents=True)
    (tree.root / "tmp").mkdir()
    (tree.top / "tmp").mkdir(exist_ok=True)
    available = feeds.update(tree)
    sys.stderr.flush()
    sys.stdout.write("\nInstalling packages...\n")
    installer = Installer(tree, available)
    words = tree.packages()
    for word in [*(name for name in FIRST if name in words), *words]:
        installer.install_word(word)
    installer.configure()
    if installer.errors:
        installer.errors.show()
        raise BuildError("", 255)
    installer.write_status()


class Installer:
    """One root file system being filled."""

    def __init__(self, tree: Tree, available: dict[str, list[opkg.Package]]) -> None:
        self.tree = tree
        self.errors = feeds.Errors()
        self.resolver = Resolver(available, tree.packages(), self.errors)
        self.owners: dict[str, str] = {}
        self.words: set[str] = set()

    def install_word(self, word: str) -> None:
        """Everything that a word of PACKAGES brings; the run goes on after a failure, as opkg's does."""
        self.words.add(word)
        if not self.resolver.is_known(word):
            sys.stdout.write(f"Unknown package '{word}'.\n")
            self.errors.append(f"opkg_install_cmd: Cannot install package {word}.")
            return
        plan = self.resolver.closure(word)
        if plan is None or not all(self._install(package) for package in plan):
            self.errors.append(f"opkg_install_cmd: Cannot install package {word}.")

    def _install(self, package: opkg.Package) -> bool:
        others = self.resolver.conflicts(package)
        if others:
            self.errors.append(f"check_conflicts_for: The following packages conflict with {package.name}:")
            self.errors.extend(f"check_conflicts_for: \t{name} * " for name in others)
            return False
        sys.stdout.write(f"Installing {package.name} ({package.version}) to root...\n")
        data = feeds.fetch_package(self.tree, package, self.errors)
        if data is None or not self._unpack(package, data):
            return False
        self.resolver.installed[package.name] = package
        return True

    def _unpack(self, package: opkg.Package, data: bytes) -> bool:
        try:
            with tarfile.open(fileobj=io.BytesIO(feeds.member(data, "data.tar.gz")), mode="r:gz") as archive:
                members = [(_inside(entry.name), entry) for entry in archive]
                clash = self._clash(package, members)
                if clash:
                    self.errors.append(clash)
                    return False
                for path, entry in members:
                    self._write(archive, entry, path)
        except (tarfile.TarError, EOFError) as error:
            raise BuildError(f"Malformed package file of {package.name}: {error}", 255) from None
        files = [path for path, entry in members if path and not entry.isdir()]
        self.owners.update(dict.fromkeys(files, package.name))
        self._write_info(package, data, files)
        return True

    def _clash(self, package: opkg.Package, members: list[tuple[str, tarfile.TarInfo]]) -> str:
        for path, entry in members:
            owner = self.owners.get(path)
            if owner and not entry.isdir():
                return (
                    f"check_data_file_clashes: Package {package.name} wants to install file {self.tree.root / path}\n"
                    f"\tBut that file is already provided by package  * {owner}"
                )
        return ""

    def _write(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, path: str) -> None:
        place = self.tree.root / path
        if entry.isdir():
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(entry.mode)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        if entry.issym():
            place.symlink_to(entry.linkname)
            return
        file = archive.extractfile(entry)
        if file is None:
            raise BuildError(f"Malformed package file: {entry.name} is neither file, folder nor link", 255)
        place.write_bytes(file.read())
        place.chmod(entry.mode)

    def _write_info(self, package: opkg.Package, data: bytes, files: list[str]) -> None:
        """The database that the device will have: control files and the list of what belongs to whom."""
        info = self.tree.root / "usr/lib/opkg/info"
        with tarfile.open(fileobj=io.BytesIO(feeds.member(data, "control.tar.gz")), mode="r:gz") as control:
            for entry in control:
                file = control.extractfile(entry) if entry.isfile() else None
                if file is not None:
                    place = info / f"{package.name}.{PurePosixPath(entry.name).name}"
                    place.write_bytes(file.read())
                    place.chmod(entry.mode)
        (info / f"{package.name}.list").write_text("".join(f"/{path}\n" for path in sorted(files)), encoding="utf-8")

    def configure(self) -> None:
        for name in self.resolver.installed:
            sys.stdout.write(f"Configuring {name}.\n")
        sys.stdout.flush()

    def write_status(self) -> None:
        """usr/lib/opkg/status of the device, and the list that the later steps read."""
        blocks, found = [], []
        for name in sorted(self.resolver.installed):
            package = self.resolver.installed[name]
            chosen = "user" if name in self.words else "ok"
            lines = [f"Package: {name}", f"Version: {package.version}"]
            lines += [
                f"{key}: {package.fields[key]}" for key in ("Depends", "Provides", "Conflicts") if key in package.fields
            ]
            lines += [
                f"Status: install {chosen} installed",
                f"Architecture: {package.fields.get('Architecture', 'all')}",
            ]
            lines += [f"Installed-Time: {self.tree.epoch}"]
            blocks.append("\n".join(lines) + "\n\n")
            found.append({"name": name, "version": package.version, "abi": package.fields.get("ABIVersion", "")})
        (self.tree.root / "usr/lib/opkg/status").write_text("".join(blocks), encoding="utf-8")
        self.tree.state_file.write_text(json.dumps(found), encoding="utf-8")


def _inside(name: str) -> str:
    """A member's path below the root, "" for the root itself; refuses what would leave it."""
    path = os.path.normpath(name)
    if path.startswith(("/", "..")):
        raise BuildError(f"Malformed package file: {name} leads outside", 255)
    return "" if path == "." else Path(path).as_posix()
