"""The way to the queue for an agent on another machine: the calls of `builders.api`, over one connection a thread."""

import http.client
import json
import logging
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from builders import machine, shelf
from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Phase, Reason
from builders.transports.base import DismissedError, Lease, LeaseLostError, TransportError

logger = logging.getLogger(__name__)

PATH = "/api/worker/v1"
PROTOCOL = 1  # what both sides have to have in common
TIMEOUT = 60.0  # seconds without a byte
_NO_WELCOME = frozenset({"unknown_token", "revoked", "not_welcome", "replaced"})
_MOST_ANSWER = 64 * 2**20  # bytes
_POLL = 0.5  # seconds that an idle slot waits at first; longer while nothing comes
_TRIES = 5  # of a piece of a file whose sum is wrong


class CallError(TransportError):
    """The server answered, but not with what was hoped for."""

    def __init__(self, status: int, code: str, detail: str, words: dict[str, Any]) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.words = words


class Connection:
    """A server and a token; safe to share between threads."""

    def __init__(self, server: str, token: str) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError(f"{server!r} is not the address of a server. Write it like https://asu.example.org.")
        self.server = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self.instance = secrets.token_hex(16)
        self.authorization = f"Bearer {token}"
        self._parts = parts
        self._local = threading.local()

    def call(self, method: str, path: str, said: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call with a JSON body; its answer. Raises TransportError, LeaseLostError, DismissedError."""
        data = b"" if said is None else json.dumps(said).encode()
        return self.send(method, path, data, "application/json")

    def send(self, method: str, path: str, data: bytes, content_type: str) -> dict[str, Any]:
        """The same with any body."""
        headers = {
            "Authorization": self.authorization,
            "X-Asu-Instance": self.instance,
            "Content-Type": content_type,
            "User-Agent": "asu-worker",
        }
        request = (method, f"{self._parts.path.rstrip('/')}{PATH}/{path}", data, headers)
        try:
            try:
                answer, body = self._exchange(*request)
            except ConnectionError:
                if not self._is_used:
                    raise
                # Idle while a build took its time, it was ended by the server; every call may be repeated.
                self.close()
                answer, body = self._exchange(*request)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise TransportError(f"no answer from {self._parts.netloc} ({_kind(error)})") from error
        if answer.will_close:
            self.close()
        return _understood(answer.status, body)

    def _exchange(
        self, method: str, address: str, data: bytes, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connection()
        connection.request(method, address, data, headers)
        answer = connection.getresponse()
        body = answer.read(_MOST_ANSWER)
        self._local.is_used = True
        return answer, body

    @property
    def _is_used(self) -> bool:
        """Whether the calling thread's connection has served before."""
        return bool(getattr(self._local, "is_used", False))

    def close(self) -> None:
        """Let the calling thread's connection go."""
        self._local.is_used = False
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            host, port = str(self._parts.hostname), self._parts.port
            if self._parts.scheme == "https":
                context = ssl.create_default_context()
                connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=context)
            else:
                connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
            self._local.connection = connection
        return connection


def _kind(error: Exception) -> str:
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (socket.gaierror, "unknown host"),
        (ConnectionRefusedError, "connection refused"),
        (TimeoutError, "timeout"),
        (ssl.SSLError, "TLS failed"),
    )
    return next((words for kind, words in kinds if isinstance(error, kind)), "the connection was lost")


def _understood(status: int, body: bytes) -> dict[str, Any]:
    try:
        words = json.loads(body)
    except ValueError:
        words = None
    if not isinstance(words, dict):
        raise CallError(status, "", "the answer is not from a server of ours", {})
    if status < 300:
        return words
    code, detail = str(words.get("code", "")), str(words.get("detail", ""))
    if code == "lease_lost":
        raise LeaseLostError(detail)
    if code in _NO_WELCOME:
        raise DismissedError(detail, code)
    raise CallError(status, code, detail, words)


class HttpTransport:
    """The queue, as one slot of a worker on another machine. See `builders.transports.base.Transport`."""

    def __init__(self, connection: Connection, slot: int = 0, *, chunk_bytes: int = 2**20) -> None:
        self.desired = "run"
        self.standing = "approved"
        self.why = ""
        self._connection = connection
        self._slot = slot
        self._chunk = chunk_bytes
        self._number = time.time_ns()  # of the present question; larger than in any earlier life
        self._is_answered = True
        self._held: list[str] | None = None
        self._logged: dict[tuple[int, int], int] = {}
        self._stumbled: dict[tuple[int, int], int] = {}
        self._idle = 0

    def lease(self) -> Lease | None:
        """The next build. A question whose answer did not come is asked again as the same one."""
        complaint = machine.complaint()
        said = {"slot": self._slot, "complaint": complaint, **machine.load()}
        held = shelf.ready()
        if held != self._held:
            said["imagebuilders"] = held
        if self._is_answered:
            self._number += 1
        self._is_answered = False
        words = self._connection.call("POST", "lease", {**said, "call": self._number})
        self._is_answered = True
        self._held = held
        self._listen(words)
        if words.get("lease") is None:
            self._idle += 1
            return None
        self._idle = 0
        return self._lease_in(words["lease"])

    def beat(self, lease: Lease, phase: Phase, progress: int | None = None) -> bool:
        """See the base."""
        said = {**_of(lease), "phase": phase, "progress": progress, "complaint": machine.complaint(), **machine.load()}
        words = self._connection.call("POST", "beat", said)
        self._listen(words)
        return bool(words.get("go_on")) and self.desired != "stop"

    def log(self, lease: Lease, text: str) -> None:
        """See the base. What does not arrive is lost; the whole log comes with the result."""
        key = (lease.build_id, lease.epoch)
        data = text.encode("utf-8", "replace")
        address = f"log/{lease.build_id}/{lease.epoch}?offset={self._logged.get(key, 0)}"
        words = self._connection.send("POST", address, data, "text/plain")
        self._logged = {key: int(words.get("length", 0))}

    def finish(self, lease: Lease, result: BuildResult, folder: Path) -> None:
        """Sends the files, one at a time, then the report. Called again it goes on where it was cut off."""
        for number, file in enumerate(result.files):
            self._upload(lease, number, folder / file.name, file.size, file.sha256)
        report = {
            "manifest": result.manifest,
            "profile_json": result.profile_json,
            "build_cmd": result.build_cmd,
            "stdout": result.stdout,
            "stderr": result.stderr,
            "seconds": result.seconds,
            "details": result.details,
        }
        files = [asdict(file) for file in result.files]
        self._final("finish", {**_of(lease), "files": files, "result": report})

    def fail(self, lease: Lease, failure: BuildFailedError) -> None:
        """See the base."""
        report = {
            "reason": failure.reason.value,
            "sentence": failure.sentence,
            "stdout": failure.stdout,
            "stderr": failure.stderr,
            "build_cmd": failure.build_cmd,
        }
        self._final("fail", {**_of(lease), **report})

    def give_back(self, lease: Lease) -> None:
        """See the base."""
        self._connection.call("POST", "give-back", _of(lease))

    def doze(self, seconds: float, stop: Callable[[], bool]) -> None:
        """Half a second at first; when nothing comes for long, some more, for the server's sake."""
        until = time.monotonic() + min(seconds, _POLL * (1 + min(self._idle // 20, 3)))
        while time.monotonic() < until and not stop():
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))

    def close(self) -> None:
        """See the base."""
        self._connection.close()

    def _listen(self, words: dict[str, Any]) -> None:
        self.desired = str(words.get("desired", self.desired))
        self.standing = str(words.get("standing", self.standing))
        self.why = str(words.get("why", ""))

    def _lease_in(self, words: dict[str, Any]) -> Lease:
        spec = words["spec"]
        spec["imagebuilder"]["url"] = self._absolute(spec["imagebuilder"]["url"])
        for feed in spec["feeds"]:
            feed["url"] = self._absolute(feed["url"])
        return Lease(words["build"], words["epoch"], words["hash"], BuildSpec.from_json(spec), words["seconds"])

    def _absolute(self, url: str) -> str:
        return f"{self._connection.server}{url}" if url.startswith("/") else url

    def _final(self, path: str, said: dict[str, Any]) -> None:
        try:
            self._connection.call("POST", path, said)
        except CallError as error:
            if error.status < 500:
                # Said again it would be refused again: the build fails with what the server says of the report.
                self._refused(said, error)
            elif error.code == "disk_full":
                self._no_room(said)
            elif error.status == 500 and self._is_hopeless(said):
                # It stumbles over this report; without an end the lease would be kept for ever.
                self._refused(said, error, Reason.CRASH)
            else:
                raise

    def _is_hopeless(self, said: dict[str, Any]) -> bool:
        """Whether the server failed often enough with a file or the report of this lease."""
        key = (int(said["build"]), int(said["epoch"]))
        self._stumbled = {key: self._stumbled.get(key, 0) + 1}
        return self._stumbled[key] >= _TRIES

    def _refused(self, said: dict[str, Any], error: CallError, reason: Reason = Reason.BAD_RESULT) -> None:
        logger.error("the report was refused: %s", error.detail)
        sentence = f"The server could not use the worker's report: {error.detail[:500]} Ask again."
        self._connection.call(
            "POST",
            "fail",
            {"build": said["build"], "epoch": said["epoch"], "reason": reason.value, "sentence": sentence},
        )

    def _no_room(self, said: dict[str, Any]) -> None:
        sentence = "The disk of the server is full. Its maintainers have to free some space; ask again later."
        self._connection.call(
            "POST",
            "fail",
            {
                "build": said["build"],
                "epoch": said["epoch"],
                "reason": Reason.DISK_FULL.value,
                "sentence": sentence,
                "is_servers": True,
            },
        )

    def _upload(self, lease: Lease, number: int, path: Path, size: int, sha256: str) -> None:
        """In pieces. After a cut the server says where to go on; a file that arrived broken is sent again."""
        address = f"uploads/{lease.build_id}/{lease.epoch}/{number}"
        declared = {"name": path.name, "size": size, "sha256": sha256}
        offset, broken = 0, 0
        with path.open("rb") as file:
            while True:
                file.seek(offset)
                piece = file.read(self._chunk)
                if not piece and offset < size:
                    raise OSError(f"{path.name} has become shorter while it was sent")
                query = urlencode({**declared, "offset": offset}, quote_via=quote)
                try:
                    words = self._connection.send("PUT", f"{address}?{query}", piece, "application/octet-stream")
                except CallError as error:
                    if error.code == "offset":
                        offset = int(error.words["offset"])
                        continue
                    if error.code == "checksum" and broken < _TRIES:
                        broken, offset = broken + 1, 0
                        continue
                    if error.code == "disk_full":
                        self._no_room(_of(lease))
                        raise LeaseLostError(lease.spec_hash) from error
                    if error.status < 500 or (error.status == 500 and self._is_hopeless(_of(lease))):
                        self._refused(_of(lease), error, Reason.BAD_RESULT if error.status < 500 else Reason.CRASH)
                        raise LeaseLostError(lease.spec_hash) from error
                    raise
                if words["complete"]:
                    return
                offset = int(words["offset"])


def _of(lease: Lease) -> dict[str, int]:
    return {"build": lease.build_id, "epoch": lease.epoch}
