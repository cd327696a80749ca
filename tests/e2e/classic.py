"""A classic client of the real server, and how a test leads its builds to where it wants them."""

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings

from builders import queue
from builders.models import Worker
from builders.spec import BuildFailedError
from builders.states import Phase, Reason
from builders.transports.base import Lease
from images.models import Image, ImageRequest
from tests.e2e.web import Answer, Web
from tests.factories import make_worker
from tests.images.publications import DATA, finish, result

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Classic:
    """A router of 2017 to 2020."""

    web: Web

    @property
    def base(self) -> str:
        """The server as the client addresses it."""
        return f"http://127.0.0.1:{self.web.port}"

    def ask(self, path: str, body: Any, **headers: str) -> Answer:
        """JSON in chunks, without a length and a type, as uclient sends it."""
        answer = self.web.post(path, body, **headers)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert b"\n" not in answer.body, "demo scripts read the first line only"
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """A path, or an address that an answer named."""
        answer = self.web.get(path.removeprefix(self.base), **headers)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        return answer

    def fetch(self, address: str) -> Answer:
        """The same, with redirects followed as clients do."""
        answer = self.get(address)
        while answer.status in (301, 302):
            assert answer.headers["Location"].startswith(self.base)
            answer = self.get(answer.headers["Location"])
        return answer


def wish(**changes: Any) -> dict[str, Any]:
    """The body of an image request; None takes a field out."""
    body: dict[str, Any] = {
        "distro": "OpenWrt",
        "version": "24.10.2",
        "target": "ath79",
        "subtarget": "generic",
        "board": "tplink,archer-c7-v2",
        "packages": ["base-files", "luci"],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def later_wish(**changes: Any) -> dict[str, Any]:
    """The same as clients write it since 2019."""
    return wish(**{"target": "ath79/generic", "subtarget": None, **changes})


def _leased() -> tuple[Lease, Worker]:
    """Asked for again when the server itself holds the row just then, to note that somebody waits for it."""
    worker = make_worker()
    lease = next(filter(None, (queue.lease(worker) for _ in range(100))))
    return lease, worker


def build_under_way(phase: Phase = Phase.BUILDING_IMAGE) -> None:
    """A worker takes the next build and is in that phase."""
    lease, worker = _leased()
    queue.beat(lease, worker, phase)


def build_fails(reason: Reason, sentence: str = "It did not work.") -> None:
    """A worker takes the next build and fails."""
    lease, worker = _leased()
    failure = BuildFailedError(reason, sentence, stdout="make: <b>oh</b> no", stderr="no space")
    queue.fail(lease, worker, failure, is_final=True)


def build_ends(data: dict[str, bytes] | None = None) -> Image:
    """The last request's build ends well, with these files."""
    request = ImageRequest.objects.select_related("build").latest("pk")
    files = DATA if data is None else data
    outcome = result(files)
    outcome.profile_json["profiles"] = {request.profile: outcome.profile_json["profiles"]["tiny"]}
    folder: Path = settings.ASU_UPLOAD_DIR / f"result-{next(_numbers)}"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    finish(request, outcome, folder)
    return Image.objects.get(request=request)
