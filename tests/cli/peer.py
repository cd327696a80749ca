"""A v1 server that is not ours: it behaves as the public one does and sends the bodies of the contract's example set.

No `Retry-After`, no `wait_seconds`, no `/check`; files come as a plain web server sends them, with ranges. It is its
own mirror. A test may put any answer in place of an honest one.
"""

import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION, TARGET, PROFILE = "24.10.2", "ath79/generic", "tplink_archer-c7-v2"
REVISION = "r28739-d9340319c6"
PREFIX = "openwrt-24.10.2-1b2c3d4e5f60-ath79-generic-tplink_archer-c7-v2-squashfs"
SYSUPGRADE, FACTORY = f"{PREFIX}-sysupgrade.bin", f"{PREFIX}-factory.bin"
IMAGES = {SYSUPGRADE: b"upgrade" * 40_000, FACTORY: b"factory" * 1_000}
MANIFEST = {"base-files": "1637~d9340319c6", "dropbear": "2024.86-r1", "luci": "25.191.67434~f5fd9bb"}
# Packages of the newest release: those of the target, and those of its architecture.
OF_TARGET = {"base-files": "1637~d9340319c6", "kmod-ath10k-ct": "6.6.93.6.12.23-r1", "libubox": "2024.03.29-r1"}
OF_ARCH = {"luci": "25.191.67434~f5fd9bb", "owut": "2025.05.12-r1", "dropbear": "2024.86-r1", "vim": "9.1.0727-r1"}
CHANGES = [
    {"source": "auc", "target": "owut", "revision": 26792},
    {"source": "kmod-nft-nat6", "revision": 20282, "mandatory": True},
    {"source": "vim", "target": "neovim", "revision": 99999},
]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer on the wire. `cut`: the connection ends after so many bytes of the body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None

    @classmethod
    def json(cls, status: int, body: Any, **headers: str) -> "Told":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(body).encode(), {"Content-Type": "application/json", **named})


@dataclass
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Peer:
    """What the server has and does; tests change it before they ask."""

    def __init__(self) -> None:
        self.base = ""
        self.files = dict(IMAGES)
        self.kinds = {SYSUPGRADE: "sysupgrade", FACTORY: "factory"}
        # What each look at the build finds, one after the other; the last one stays.
        self.states = ["queued", "building", "done"]
        self.instead: dict[tuple[str, str], list[Told]] = {}  # the last one stays
        self.extra: dict[str, bytes] = {}  # more files beside the images
        self.has_sums = True
        self.seen: list[Seen] = []
        self.looked = threading.Event()  # somebody polled
        self._looks = 0
        self._lock = threading.Lock()

    # -- what a test says ---------------------------------------------------------------------------------------

    def answers(self, method: str, path: str, *told: Told) -> None:
        """Puts answers in place of the honest one, one a request."""
        self.instead[method, path] = list(told)

    def asked(self, method: str, ending: str) -> list[Seen]:
        """The requests to addresses that end so."""
        return [seen for seen in self.seen if seen.method == method and seen.path.endswith(ending)]

    @property
    def request_hash(self) -> str:
        return "c5a849e05b60611b465042594fc3489a44f7695c3d09e36433a577ee772ad7b7"

    def store(self, name: str = SYSUPGRADE) -> str:
        return f"/store/{self.request_hash}/{name}"

    # -- what it says -------------------------------------------------------------------------------------------

    def answer(self, seen: Seen) -> Told:
        with self._lock:
            self.seen.append(seen)
            instead = self.instead.get((seen.method, seen.path))
            if instead:
                return instead.pop(0) if len(instead) > 1 else instead[0]
        path = seen.path
        if path == "/api/v1/build" and seen.method == "POST":
            return self._state()
        if path == f"/api/v1/build/{self.request_hash}":
            self.looked.set()
            return self._state()
        if path.startswith(f"/store/{self.request_hash}/"):
            return self._file(path.rpartition("/")[2], seen)
        if path in (documents := self._documents()):
            return Told.json(200, documents[path])
        return Told.json(404, {"detail": "Not Found"})

    def _state(self) -> Told:
        """The first look, a POST or a GET, finds the first state; the same request again is the same build."""
        with self._lock:
            word = self.states[min(self._looks, len(self.states) - 1)]
            self._looks += 1
        if word == "queued":
            return Told.json(202, self.queued(), X_Imagebuilder_Status="queued", X_Queue_Position="2")
        if word == "building":
            return Told.json(202, self.building(), X_Imagebuilder_Status="building_image", X_Queue_Position="0")
        if word == "failed":
            return Told.json(500, self.failed(), X_Imagebuilder_Status="failed")
        return Told.json(200, self.done(), X_Imagebuilder_Status="done", X_Queue_Position="0")

    def queued(self) -> dict[str, Any]:
        return {
            "status": 202,
            "detail": "queued",
            "queue_position": 2,
            "request_hash": self.request_hash,
            "enqueued_at": "2025-07-01T09:00:00.000000Z",
            "request": {"distro": "openwrt", "version": VERSION, "target": TARGET, "profile": PROFILE},
        }

    def building(self) -> dict[str, Any]:
        return {
            "status": 202,
            "detail": "started",
            "imagebuilder_status": "building_image",
            "request_hash": self.request_hash,
            "enqueued_at": "2025-07-01T09:00:00.000000Z",
            "request": {"version": VERSION, "version_code": "", "defaults": None, "rootfs_size_mb": None},
        }

    def failed(self) -> dict[str, Any]:
        return {
            "status": 500,
            "detail": "Error: Selected packages exceed device storage",
            "imagebuilder_status": "failed",
            "request_hash": self.request_hash,
            "stdout": "make: Entering directory\nBuilding images...\n",
            "stderr": "WARNING: Image file is too big: 9000000 > 8000000\n",
        }

    def done(self) -> dict[str, Any]:
        return {
            "status": 200,
            "detail": "done",
            "imagebuilder_status": "done",
            "request_hash": self.request_hash,
            "bin_dir": self.request_hash,
            "version_number": VERSION,
            "version_code": REVISION,
            "target": TARGET,
            "id": PROFILE,
            "titles": [{"vendor": "TP-Link", "model": "Archer C7", "variant": "v2"}],
            "images": [
                {
                    "filesystem": "squashfs",
                    "type": self.kinds[name],
                    "name": name,
                    "size": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "sha256_unsigned": hashlib.sha256(data).hexdigest(),
                }
                for name, data in self.files.items()
            ],
            "manifest": MANIFEST,
            "request": {"version": VERSION, "version_code": REVISION, "filesystem": "squashfs", "defaults": None},
            "build_cmd": ["make", "image"],
            "stdout": "",
            "stderr": "",
        }

    def sums(self) -> bytes:
        """`sha256sums` as coreutils write it."""
        return "".join(f"{hashlib.sha256(data).hexdigest()} *{name}\n" for name, data in self.files.items()).encode()

    def _file(self, name: str, seen: Seen) -> Told:
        files = {**self.files, **({"sha256sums": self.sums()} if self.has_sums else {}), **self.extra}
        if name not in files:
            return Told(404, b"<html>404 Not Found</html>", {"Content-Type": "text/html"})
        data = files[name]
        wanted = seen.headers.get("range", "")
        if wanted.startswith("bytes=") and wanted.endswith("-"):
            start = int(wanted[6:-1])
            if start >= len(data):
                return Told(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return Told(206, data[start:], {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"})
        return Told(200, data, {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"})

    def _documents(self) -> dict[str, Any]:
        found: dict[str, Any] = {"/json/v1/overview.json": self.overview()}
        for version in ("24.10.1", VERSION):
            folder = f"releases/{version}/targets/{TARGET}"
            old = version != VERSION
            found[f"/json/v1/{folder}/index.json"] = {
                "architecture": "mips_24kc",
                "packages": {name: f"old-{text}" for name, text in OF_TARGET.items()} if old else OF_TARGET,
            }
            found[f"/json/v1/releases/{version}/packages/mips_24kc-index.json"] = OF_ARCH
            found[f"/{folder}/profiles.json"] = self.profiles(version)
        return found

    def overview(self) -> dict[str, Any]:
        return {
            "latest": [VERSION, "23.05.5"],
            "branches": {
                "24.10": {
                    "name": "24.10",
                    "enabled": True,
                    "snapshot": False,
                    "path": "releases/{version}",
                    "path_packages": "DEPRECATED",
                    "versions": [VERSION, "24.10.1", "24.10.10-rc1"],
                    "targets": {TARGET: "mips_24kc", "x86/64": "x86_64"},
                    "branch_off_rev": 27990,
                    "package_changes": CHANGES,
                },
                "23.05": {
                    "name": "23.05",
                    "enabled": True,
                    "snapshot": False,
                    "path": "releases/{version}",
                    "path_packages": "DEPRECATED",
                    "versions": ["23.05.5"],
                    "targets": {TARGET: "mips_24kc", "ath25/generic": "mips_mips32"},
                    "package_changes": [],
                },
            },
            "upstream_url": self.base,
            "server": {"version": "0.1.0", "max_custom_rootfs_size_mb": 1024, "max_defaults_length": 20480},
        }

    def profiles(self, version: str) -> dict[str, Any]:
        return {
            "arch_packages": "mips_24kc",
            "default_packages": ["base-files", "dropbear"],
            "profiles": {
                PROFILE: {
                    "device_packages": ["kmod-ath10k-ct"] if version == VERSION else ["vim", "-dropbear"],
                    "images": [{"type": "sysupgrade", "filesystem": "squashfs", "name": "x.bin", "sha256": "ab" * 32}],
                    "supported_devices": ["tplink,archer-c7-v2", "archer-c7-v2"],
                    "titles": [{"vendor": "TP-Link", "model": "Archer C7"}],
                }
            },
            "version_code": REVISION if version == VERSION else "r28597-0425664679",
            "version_number": version,
            "target": TARGET,
            "metadata_version": 1,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peer: Peer

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = self.peer.answer(Seen(self.command, self.path, headers, self.rfile.read(length)))
        self.send_response(told.status)
        for name, value in ({"Content-Length": str(len(told.body))} | told.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(told.body[: told.cut])
        if told.cut is not None:
            self.close_connection = True

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: what came is in `Peer.seen`."""


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """A peer on a port of its own until the block ends; with `tls` it speaks https."""
    peer = Peer()
    handler = type("Handler", (_Handler,), {"peer": peer})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    peer.base = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
