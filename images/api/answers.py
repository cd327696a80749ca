"""One function turns what is known of a request into status, headers and body (v1-api.md §3.2 to §3.5, §4)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, assert_never

from builders import shown, waiting
from builders.models import Build
from builders.states import Phase, State
from builders.waiting import Forecast
from images import filesystems, polls, preparing
from images.exceptions import RequestRefusedError
from images.models import Image, ImageRequest

Body = dict[str, Any]

# Of a log only the end is sent: what went wrong stands there.
LOG_BYTES = 32 * 1024
NOT_FOUND = "could not find provided request hash"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets. `is_final`: the same bytes until something is withdrawn, expires or is asked for again."""

    status: int
    body: Body
    headers: Mapping[str, str] = field(default_factory=dict)
    is_final: bool = False

    def content(self) -> bytes:
        """The body as sent."""
        return json.dumps(self.body).encode("ascii")


def for_request(request: ImageRequest) -> Answer:
    """The present state of a request, as POST, GET and HEAD all tell it."""
    if request.status == ImageRequest.Status.PREPARING:
        return _started(request, preparing.phase(request), request.created_at)
    if request.refusal is not None:
        return refused(RequestRefusedError.from_json(request.refusal))
    final = request.resolved_to or request
    build = final.build
    if build is None:
        return error(404, NOT_FOUND)
    match State(build.state):
        case State.QUEUED:
            polls.noticed(build.pk)
            return queued(final, build, waiting.of(build))
        case State.BUILDING:
            return _started(final, Phase(build.phase or Phase.INIT), build.queued_at)
        case State.DONE:
            return _done(final, build)
        case State.FAILED | State.PARKED:
            return _failed(final, build)
        case State.DROPPED:
            # 410: LuCI asks anew by itself then, the others show the sentence.
            return error(410, build.sentence, _state_headers("dropped", 0), request_hash=final.request_hash)
        case State.EXPIRED:
            return error(404, NOT_FOUND)
        case other:
            assert_never(other)


def queued(request: ImageRequest, build: Build, forecast: Forecast) -> Answer:
    """Waiting. No `imagebuilder_status`: firmware-selector would print its raw word.

    `wait_seconds` until the build begins, by the measured times and the workers alive; null, with a `hint` for people,
    when no worker is alive that may build it.
    """
    position = forecast.position
    body: Body = {
        "status": 202,
        "detail": "queued",
        "queue_position": position,
        "wait_seconds": forecast.seconds,
        "request_hash": request.request_hash,
        "enqueued_at": iso(build.queued_at),
        "request": request.echo,
    }
    if forecast.seconds is None:
        body["hint"] = (
            f"No worker for {build.target} is there just now. Your request waits for one; if it lasts, tell the "
            "maintainers of this server."
        )
    # The further off, the less often it is worth asking.
    retry = min(30, max(2, (forecast.seconds or 0) // 20))
    return Answer(202, body, _state_headers("queued", position) | {"Retry-After": str(retry)})


def error(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: str) -> Answer:
    """§3.5. `message` is `detail` for the clients of 2020."""
    body = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail, "message": detail, **more}
    return Answer(status, body, headers or {})


def refused(refusal: RequestRefusedError) -> Answer:
    """What was wrong with a request. Failures that stand in for a build's come with the logs that clients look for."""
    logs = {"stdout": "", "stderr": ""} if refusal.status == 500 else {}
    return error(refusal.status, refusal.detail, refusal.headers, **logs)


def _started(request: ImageRequest, phase: Phase, since: datetime) -> Answer:
    """In work. No `queue_position`: LuCI would print it."""
    body = {
        "status": 202,
        "detail": "started",
        "imagebuilder_status": phase.value,
        "request_hash": request.request_hash,
        "enqueued_at": iso(since),
        "request": request.echo,
    }
    return Answer(202, body, _state_headers(phase.value, 0) | {"Retry-After": "2"})


def _failed(request: ImageRequest, build: Build) -> Answer:
    answer = error(500, f"Error: {build.sentence}", _state_headers("failed", 0))
    answer.body.update(
        imagebuilder_status="failed",
        request_hash=request.request_hash,
        enqueued_at=iso(build.queued_at),
        request=request.echo,
        build_cmd=build.build_cmd,
        stdout=tail(build.stdout),
        stderr=tail(build.stderr),
    )
    return answer


def _done(request: ImageRequest, build: Build) -> Answer:
    image = request.published_image
    if image is None:
        return error(404, NOT_FOUND)
    if image.withdrawn_at is not None:
        # Not 404 or 410: LuCI would poll for ever on the one and repeat the POST on the other; 400 it shows.
        return error(400, f"This image was withdrawn. {image.withdrawn_why}".strip())
    if image.expired_at is not None:
        return error(404, NOT_FOUND)
    body = {
        "status": 200,
        "detail": "done",
        "imagebuilder_status": "done",
        "request_hash": request.request_hash,
        "bin_dir": request.request_hash,
        **_profile_document(image.profile_json, request.profile),
        "build_at": _build_at(image, build),
        "enqueued_at": iso(build.queued_at),
        "images": _files(image, request.echo.get("filesystem") or ""),
        "manifest": image.manifest,
        "request": request.echo,
        "build_cmd": build.build_cmd,
        "build_cmd_packages": [],
        "stdout": tail(build.stdout),
        "stderr": tail(build.stderr),
        **_hint(request, image),
    }
    return Answer(200, body, _state_headers("done", 0), is_final=not request.is_private)


_DOCUMENT_KEYS = (
    "metadata_version",
    "version_number",
    "version_code",
    "target",
    "arch_packages",
    "default_packages",
    "linux_kernel",
    "source_date_epoch",
)
_PROFILE_KEYS = ("titles", "supported_devices", "image_prefix", "device_packages")


def _profile_document(document: Body, profile: str) -> Body:
    """A profiles.json with one profile, flat. `titles` is a list whatever the ImageBuilder wrote."""
    profiles = document.get("profiles", {})
    entry: Body = profiles.get(profile) or next(iter(profiles.values()), {})
    flat = {key: document[key] for key in _DOCUMENT_KEYS if key in document}
    flat |= {key: entry[key] for key in _PROFILE_KEYS if key in entry}
    return {"metadata_version": 1, "version_code": "", "titles": [], **flat, "id": profile}


def _files(image: Image, filesystem: str) -> list[Body]:
    """The images proper, those with the wanted root file system first; sums and the like are no images."""
    wanted_first = sorted(image.file_list, key=lambda file: not filesystems.is_meant(file.filesystem, filesystem))
    return [
        {
            "name": file.name,
            "type": file.type,
            "filesystem": file.filesystem,
            "size": file.size,
            "sha256": file.sha256,
            "sha256_unsigned": file.sha256_unsigned,
        }
        for file in wanted_first
        if file.type
    ]


def _hint(request: ImageRequest, image: Image) -> Body:
    """For clients that look for an image with a root file system that the device does not have."""
    wanted = request.echo.get("filesystem") or ""
    known = list(dict.fromkeys(file.filesystem for file in image.file_list if file.type and file.filesystem))
    if not wanted or not known or filesystems.has(known, wanted):
        return {}
    return {"hint": f"None of the images has the root file system {wanted}; they have {', '.join(known)}."}


def _build_at(image: Image, build: Build) -> str:
    """When the sources are from, as upstream has it: equal images say the same."""
    epoch = image.profile_json.get("source_date_epoch")
    if isinstance(epoch, int):
        return iso_of_epoch(epoch)
    return iso(build.finished_at or image.published_at)


def tail(log: str) -> str:
    """The last 32 KB of a log, from the start of a line."""
    return log if len(log) <= LOG_BYTES else f"[...]\n{shown.tail(log, LOG_BYTES)}"


def _state_headers(word: str, position: int) -> dict[str, str]:
    """All that owut reads of a HEAD."""
    return {"X-Imagebuilder-Status": word, "X-Queue-Position": str(position)}


def iso_of_epoch(epoch: int) -> str:
    """ISO 8601 of seconds since 1970."""
    return iso(datetime.fromtimestamp(epoch, UTC))


def iso(moment: datetime) -> str:
    """ISO 8601, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
