"""The addresses of a v1 server."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from asu_cli import answers, names
from asu_cli.answers import Ready, Waiting
from asu_cli.errors import CliError, RefusedError, UnreachableError, UsageError
from asu_cli.link import Link, Reply

_MOST_PAUSE = 60.0
_NO_SUCH_ADDRESS = frozenset({404, 405, 501})

T = TypeVar("T")


class Server:
    """What can be asked. `patience`: seconds to put up with a server that is away or overloaded."""

    def __init__(self, link: Link, patience: float = 60.0, note: Callable[[str], None] = lambda text: None) -> None:
        self.link = link
        self._patience = patience
        self._note = note

    @property
    def base(self) -> str:
        return self.link.base

    def ask(self, request: Mapping[str, Any]) -> Waiting | Ready:
        """Has an image built; the same content again is the same build."""
        return self._patiently(lambda: answers.read(self.link.post("/api/v1/build", request)), is_known=False)

    def state(self, request_hash: str, *, is_known: bool = False) -> Waiting | Ready:
        """How it stands. `is_known`: this server answered before, so that it is away only for a moment."""
        path = f"/api/v1/build/{quote(_request_hash(request_hash), safe='')}"
        return self._patiently(lambda: answers.read(self.link.get(path), request_hash), is_known=is_known)

    def cancel(self, request_hash: str) -> bool:
        """Takes a request back. False: this server has no way to. Raises RefusedError with its reason."""
        reply = self.link.post(f"/api/v1/build/{quote(_request_hash(request_hash), safe='')}/cancel", {})
        if reply.status in _NO_SUCH_ADDRESS:
            return False
        if reply.status not in (200, 202, 204, 410):
            raise answers.error_of(reply, request_hash)
        return True

    def check(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """What the server itself knows to be newer; None: it has no such address."""
        return self._patiently(lambda: self._check(body), is_known=False)

    def _check(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        reply = self.link.post("/api/v1/check", body)
        if reply.status in _NO_SUCH_ADDRESS:
            return None
        if reply.status != 200 or not isinstance(reply.body, dict):
            raise answers.error_of(reply)
        return reply.document

    def overview(self) -> dict[str, Any]:
        """What is offered."""
        found = self.document("/json/v1/overview.json")
        if found is None or not isinstance(found.get("branches"), dict):
            raise UnreachableError(f"{self.base} tells no releases: is it the address of a server of this kind?")
        return found

    def document(self, address: str) -> dict[str, Any] | None:
        """A document here or elsewhere; None: there is none."""
        return self._patiently(lambda: self._document(address), is_known=False)

    def _document(self, address: str) -> dict[str, Any] | None:
        reply: Reply = self.link.get(address)
        if reply.status in (404, 410):
            return None
        if reply.status != 200:
            error = answers.error_of(reply)
            raise UnreachableError(error.sentence) if reply.status == 500 else error
        if not isinstance(reply.body, dict):
            raise UnreachableError(f"The server's document {address} is not an object.")
        return reply.document

    def _patiently(self, call: Callable[[], T], *, is_known: bool) -> T:
        """Again while the server asks for it, or while one that answered before is away."""
        stop = time.monotonic() + self._patience
        while True:
            try:
                return call()
            except UnreachableError as error:
                pause = error.again_in
                if pause is None and is_known:
                    pause = 2.0
                is_worth_it = pause is not None and (is_known or error.word == "overloaded")
                if pause is None or not is_worth_it or time.monotonic() + pause > stop:
                    raise
                self._note(f"{error.sentence} Trying again.")
                time.sleep(min(max(pause, 0.1), _MOST_PAUSE))


def file_path(bin_dir: str, name: str) -> str:
    """Where a file of an image is, below the base."""
    return f"/store/{bin_dir}/{name}"


def _request_hash(text: str) -> str:
    if not names.HASH.fullmatch(text):
        raise UsageError("A request_hash is 64 hex digits, as asu build prints it.")
    return text


def is_unknown(error: CliError) -> bool:
    """Whether the server knows no such request."""
    return isinstance(error, RefusedError) and error.details.get("http_status") == 404
