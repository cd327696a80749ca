"""A mirror in a folder, with the documents that a test gives it, and a real web server in front of it."""

import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packages.signatures import UsignKey

Fault = Callable[["Handler"], None]
ARCHIVE = "openwrt-imagebuilder-{version}-{target}.Linux-x86_64.tar.xz"


class Server(ThreadingHTTPServer):
    """Serves a folder with ETags, ranges and listings. `faults` replaces the answer of a path; `seen` is what came."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.faults: dict[str, Fault] = {}
        self.seen: list[tuple[str, str, int]] = []  # method, path, status
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""

    def paths(self, status: int) -> list[str]:
        """What was answered so."""
        return [path for _, path, found in self.seen if found == status]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: else each answer takes 40 ms
    server: Server

    def do_GET(self) -> None:
        fault = self.server.faults.get(self.path)
        if fault is not None:
            fault(self)
            return
        file = self.server.root / self.path.lstrip("/")
        if file.is_dir():
            links = "".join(f'<a href="{name}">{name}</a>\n' for name in names_in(file))
            self.answer(200, f'<html><a href="../">../</a>{links}</html>'.encode())
        elif file.is_file():
            self.send_file(file.read_bytes())
        else:
            self.answer(404, b"no")

    def do_HEAD(self) -> None:
        self.do_GET()

    def send_file(self, data: bytes) -> None:
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == etag:
            self.answer(304, b"", ETag=etag)
            return
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start >= len(data) > 0:
            self.answer(416, b"", Content_Range=f"bytes */{len(data)}")
        elif start:
            self.answer(206, data[start:], Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.answer(200, data, ETag=etag)

    def answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.server.seen.append((self.command, self.path, status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):  # a client that saw enough
                self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def names_in(folder: Path) -> list[str]:
    """As a listing shows them: no hidden files, folders with a slash."""
    return sorted(f"{p.name}/" if p.is_dir() else p.name for p in folder.iterdir() if not p.name.startswith("."))


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """The folder on a free port of this machine."""
    server = Server(root)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class MirrorFolder:
    """Writes the documents of a download server; with a key, signed."""

    def __init__(self, root: Path, key: UsignKey | None = None) -> None:
        self.root, self.key = root, key
        root.mkdir(parents=True, exist_ok=True)

    def write(self, path: str, content: str | bytes | dict[str, Any]) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def sign(self, path: str, signed: str = "") -> None:
        if self.key is not None:
            self.write(f"{path}.sig", self.key.sign((self.root / (signed or path)).read_bytes()))

    def versions(self, *versions: str, stable: str = "") -> None:
        self.write(".versions.json", {"versions_list": list(versions), "stable_version": stable})

    def targets(self, folder: str, **targets: str) -> None:
        names = {name.replace("__", "/"): arch for name, arch in targets.items()}
        self.write(f"{folder}/.targets.json", names)

    def target(self, folder: str, version: str, name: str = "ath79/generic", **changes: Any) -> bytes:
        """profiles.json and sums of one target; returns the archive's bytes."""
        path = f"{folder}/targets/{name}"
        archive = f"archive of {version} {name}".encode()
        file = ARCHIVE.format(version=version, target=name.replace("/", "-"))
        self.write(f"{path}/{file}", archive)
        self.write(f"{path}/profiles.json", profiles_document(name, version) | changes)
        self.sums(path, **{file: hashlib.sha256(archive).hexdigest()})
        return archive

    def sums(self, path: str, **sums: str) -> None:
        self.write(f"{path}/sha256sums", "".join(f"{sha256} *{name}\n" for name, sha256 in sums.items()))
        self.sign(f"{path}/sha256sums")

    def feed(self, path: str, **packages: str) -> bytes:
        """An opkg index of packages by version; returns its text."""
        text = "\n".join(stanza(name.replace("_", "-"), version) for name, version in packages.items()).encode()
        self.write(f"{path}/Packages", text)
        self.write(f"{path}/Packages.gz", gzip.compress(text, mtime=0))
        self.sign(f"{path}/Packages")
        return text


def stanza(name: str, version: str, **fields: str) -> str:
    """One package of an opkg index."""
    lines = {
        "Package": name,
        "Version": version,
        "Filename": f"{name}_{version}_all.ipk",
        "Size": "10",
        "SHA256sum": "a" * 64,
        **{key.replace("_", "-"): value for key, value in fields.items()},
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def profiles_document(name: str, version: str) -> dict[str, Any]:
    """A profiles.json with two devices."""
    return {
        "metadata_version": 1,
        "target": name,
        "version_number": version,
        "version_code": "r28739-d9340319c6",
        "arch_packages": "mips_24kc",
        "source_date_epoch": 1750711236,
        "default_packages": ["base-files", "busybox", "dnsmasq"],
        "profiles": {
            "tplink_archer-c7-v2": {
                "titles": [{"vendor": "TP-Link", "model": "Archer C7", "variant": "v2"}],
                "supported_devices": ["tplink,archer-c7-v2", "archer-c7-v2"],
                "device_packages": ["kmod-ath10k", "-wpad"],
                "image_prefix": "openwrt-archer",
                "images": [],
            },
            "rpi-4": {
                "titles": [{"title": "Raspberry Pi 4"}],
                "supported_devices": ["raspberrypi,4-model-b"],
                "device_packages": [],
                "image_prefix": "openwrt-rpi",
                "images": [],
            },
        },
    }
