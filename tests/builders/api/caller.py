"""A worker on another machine, as the API hears it: each call in one line, lies included."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from builders import queue, tokens, workers
from builders.models import Build, Worker
from builders.spec import BuildSpec
from images.models import ImageRequest
from tests.factories import make_spec

PATH = "/api/worker/v1/"
IMAGE = "demo-1.0.0-hill-small-tiny-squashfs-sysupgrade.bin"


@dataclass(slots=True)
class Said:
    """An answer."""

    status: int
    words: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.words.get("code", ""))

    @property
    def short(self) -> tuple[int, str]:
        return self.status, self.code


@dataclass(slots=True)
class Caller:
    """One agent with one token."""

    token: str = field(default_factory=lambda: tokens.new(tokens.WORKER))
    instance: str = field(default_factory=lambda: secrets.token_hex(16))
    number: int = 100
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    @property
    def row(self) -> Worker:
        worker = workers.by_token(self.token)
        assert worker is not None
        return worker

    def call(self, method: str, path: str, said: Any = None, **headers: str) -> Said:
        data = said if isinstance(said, bytes) else json.dumps({} if said is None else said).encode()
        sent = {"Authorization": f"Bearer {self.token}", "X-Asu-Instance": self.instance} | headers
        answer = self.client.generic(method, PATH + path, data, "application/octet-stream", headers=sent)
        return Said(answer.status_code, json.loads(answer.content) if answer.content else {})

    def register(self, **changes: Any) -> Said:
        return self.call("POST", "register", {"name": "far-away", "instance": self.instance} | changes)

    def lease(self, number: int | None = None, slot: int = 0, **more: Any) -> dict[str, Any] | None:
        """The next question for a build, or the one of this number again."""
        self.number = self.number + 1 if number is None else number
        said = self.call("POST", "lease", {"slot": slot, "call": self.number, **more})
        assert said.status == 200, said
        lease: dict[str, Any] | None = said.words["lease"]
        return lease

    def beat(self, lease: dict[str, Any], phase: str = "building_image", **more: Any) -> Said:
        return self.call("POST", "beat", {**of(lease), "phase": phase, "progress": None, **more})

    def put(self, lease: dict[str, Any], number: int, data: bytes, offset: int = 0, **declared: Any) -> Said:
        """One piece; what is declared fits the piece unless said otherwise."""
        words = {"name": IMAGE, "size": len(data), "sha256": sha256(data), "offset": offset, **declared}
        return self.call("PUT", f"uploads/{lease['build']}/{lease['epoch']}/{number}?{urlencode(words)}", data)

    def finish(self, lease: dict[str, Any], files: dict[str, bytes], **changes: Any) -> Said:
        """Sends the files and the report of a build that went well, but for `changes`."""
        for number, (name, data) in enumerate(files.items()):
            said = self.put(lease, number, data, name=name)
            assert said.status == 200, said
        return self.report(lease, files, **changes)

    def report(self, lease: dict[str, Any], files: dict[str, bytes], **changes: Any) -> Said:
        declared = [{"name": name, "size": len(data), "sha256": sha256(data)} for name, data in files.items()]
        said = {**of(lease), "files": declared, "result": result(files) | changes}
        return self.call("POST", "finish", said)


def of(lease: dict[str, Any]) -> dict[str, int]:
    return {"build": lease["build"], "epoch": lease["epoch"]}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def result(files: dict[str, bytes]) -> dict[str, Any]:
    """An honest report."""
    images = [
        {"name": name, "type": "sysupgrade", "filesystem": "squashfs", "sha256": sha256(data)}
        for name, data in files.items()
        if name.endswith(".bin")
    ]
    return {
        "manifest": {"base-files": "1"},
        "profile_json": {"target": "hill/small", "profiles": {"tiny": {"titles": [], "images": images}}},
        "build_cmd": ["make", "image", "PROFILE=tiny"],
        "stdout": "built",
        "stderr": "",
        "seconds": 1.5,
        "details": {},
    }


def approved(**changes: Any) -> Caller:
    """A worker that registered and may build."""
    caller = Caller()
    assert caller.register(**changes).status == 200
    assert workers.approve(caller.row)
    return caller


def wanted(spec: BuildSpec | None = None, **fields: Any) -> Build:
    """A build that somebody asked for, so that its image would be published."""
    spec = spec or make_spec()
    build, _ = queue.submit(spec, **fields)
    ImageRequest.objects.create(
        request_hash=spec.hash(),
        canonical=spec.canonical_json(),
        distribution=spec.distribution,
        version=spec.version,
        target=spec.target,
        profile=spec.profile,
        echo={"version": spec.version},
        build=build,
    )
    return build


def leased(**changes: Any) -> tuple[Caller, dict[str, Any]]:
    """A worker with a build that somebody asked for."""
    wanted()
    caller = approved(**changes)
    lease = caller.lease()
    assert lease is not None
    return caller, lease


def each(field: str, *values: Any) -> list[tuple[str, dict[str, Any]]]:
    """Cases: a field's name, and an object with one of these values for it."""
    return [(field, {field: value}) for value in values]
