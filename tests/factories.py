"""Rows with sensible defaults, made through the same doors as in real life. One screen long."""

from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from builders import queue
from builders.models import Build, Worker
from builders.querysets import from_now
from builders.spec import BuildFailedError, BuildResult, BuildSpec, FeedSpec, ImageBuilderSpec
from builders.states import Reason, State
from builders.transports.base import Lease

_numbers = count(1)


def make_spec(**changes: Any) -> BuildSpec:
    """A spec unlike any other, unless `packages` or the like are given."""
    values: dict[str, Any] = {
        "distribution": "demo",
        "version": "1.0.0",
        "target": "hill/small",
        "profile": "tiny",
        "packages": (f"package-{next(_numbers)}",),
        "imagebuilder": ImageBuilderSpec("http://localhost/ib.tar.xz", "ib.tar.xz", "1" * 64),
        "feeds": (FeedSpec("core", "target", "opkg", "http://localhost/core", "2" * 64),),
    }
    return BuildSpec(**values | changes)


def make_worker(name: str = "", **fields: Any) -> Worker:
    """Somebody who may lease builds, and is there."""
    values: dict[str, Any] = {"seen_at": Now()}
    worker = Worker.objects.create(name=name or f"worker-{next(_numbers)}", **values | fields)
    worker.refresh_from_db()
    return worker


def make_lease(worker: Worker | None = None, spec: BuildSpec | None = None) -> tuple[Lease, Worker]:
    """A build that is under way, and who works on it."""
    worker = worker or make_worker()
    build, _ = queue.submit(spec or make_spec(), priority=100)
    lease = queue.lease(worker)
    assert lease is not None and lease.build_id == build.pk
    return lease, worker


def make_result(**changes: Any) -> BuildResult:
    """What a workshop hands in when there are no files."""
    values: dict[str, Any] = {
        "files": [],
        "manifest": {"base-files": "1"},
        "profile_json": {},
        "build_cmd": ["make", "image"],
        "stdout": "built",
        "seconds": 1.5,
    }
    return BuildResult(**values | changes)


def make_build(state: State = State.QUEUED, spec: BuildSpec | None = None, reason: Reason = Reason.CRASH) -> Build:
    """A build that came to `state` the way builds do. Nobody requested it, so nothing is published of it."""
    spec = spec or make_spec()
    if state == State.QUEUED:
        return queue.submit(spec)[0]
    if state == State.DROPPED:
        build, _ = queue.submit(spec, is_watched=True)
        in_the_past(build, "polled_at", 3600)
        queue.drop_unwanted()
        return Build.objects.get(pk=build.pk)
    lease, worker = make_lease(spec=spec)
    if state == State.FAILED:
        # The last attempt: no other worker gets it.
        Build.objects.filter(pk=lease.build_id).update(attempts=settings.ASU_MAX_ATTEMPTS)
        queue.fail(lease, worker, BuildFailedError(reason, f"It failed: {reason.label}.", stderr="oh no"))
    elif state == State.PARKED:
        queue.reclaim_from(worker)
        other = make_worker()
        assert queue.lease(other) is not None
        queue.reclaim_from(other)
    elif state != State.BUILDING:
        queue.finish(lease, worker, make_result(), Path("/nowhere"))
    build = Build.objects.get(pk=lease.build_id)
    if state == State.EXPIRED:
        queue.expire(build)
    return build


def in_the_past(build: Build, field: str, seconds: float) -> None:
    """Move one of a build's times back, as if that long had passed."""
    Build.objects.filter(pk=build.pk).update(**{field: from_now(-seconds)})
