"""Who may build: workers introduce themselves, maintainers approve and stop them, and their work is judged."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from builders import clock, queue, tokens
from builders.models import Attempt, Build, Holding, JoinToken, Worker

logger = logging.getLogger(__name__)

MOST_PENDING = 50  # strangers that may wait for approval at the same time
JOIN_HOURS = 24
LOCAL = "local-"  # how the names of workers begin that share our database; nobody else may take one beforehand
SEEN_SECONDS = 5.0  # how exact `seen_at` is: not every poll writes

_Standing = Worker.Standing


class NotWelcomeError(Exception):
    """The worker may not join; the text says why and what to do."""

    code = "not_welcome"


class RevokedError(NotWelcomeError):
    """Its token counts no more."""

    code = "revoked"


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a worker says of itself at its start."""

    name: str
    instance: str
    jobs: int = 1
    labels: tuple[str, ...] = ()
    imagebuilders: tuple[str, ...] = ()
    address: str = ""
    facts: dict[str, Any] = field(default_factory=dict)  # version, cpus, memory_mb, disk_mb, sandbox, sandbox_detail


def introduce(token: str, intro: Introduction, *, join: str = "") -> Worker:
    """The worker that this token belongs to, with what it says of itself. An unknown token makes a new one.

    New ones wait for approval, unless a join token that nobody has used comes along. Whatever an earlier life of the
    same worker had leased is taken back. Raises NotWelcomeError.
    """
    worker = by_token(token) or _join(token, intro, join)
    if worker.standing == _Standing.REVOKED:
        raise RevokedError("This worker's token was revoked. Ask a maintainer of the server for a join token.")
    if worker.standing == _Standing.PENDING and join:
        _use(join, worker)
    return arrive(worker, intro)


def arrive(worker: Worker, intro: Introduction) -> Worker:
    """A new life of a worker begins: what its former one had leased is taken back."""
    if worker.instance != intro.instance:
        _mark_fallen(worker)
        queue.reclaim_from(worker)
    changes: dict[str, Any] = {**intro.facts, "jobs": intro.jobs, "address": intro.address, "complaint": ""}
    if intro.labels:
        changes["labels"] = list(intro.labels)
    if worker.instance != intro.instance:
        changes |= {"instance": intro.instance, "started_at": Now()}
        if worker.desired == Worker.Desired.STOP and not worker.is_local:
            changes["desired"] = Worker.Desired.RUN  # somebody started it again
    Worker.objects.filter(pk=worker.pk).update(**changes, seen_at=Now())
    hold(worker, intro.imagebuilders)
    worker.refresh_from_db()
    return worker


def by_token(token: str) -> Worker | None:
    """Whoever has this token; also who is pending, suspended or revoked."""
    return Worker.objects.filter(token_hash=tokens.digest(token)).first()


def new_join_token(note: str = "", hours: float = JOIN_HOURS) -> str:
    """A token that approves one worker, told once."""
    token = tokens.new(tokens.JOIN)
    expires_at = clock.now() + timedelta(hours=hours)
    JoinToken.objects.create(token_hash=tokens.digest(token), note=note[:80], expires_at=expires_at)
    return token


def new_worker_token(name: str) -> str:
    """A token for the approved worker of this name, told once; a former one counts no more."""
    token = tokens.new(tokens.WORKER)
    Worker.objects.update_or_create(
        name=name,
        defaults={
            "token_hash": tokens.digest(token),
            "standing": _Standing.APPROVED,
            "standing_why": "",
            "is_local": False,
            "instance": "",
        },
    )
    return token


def approve(worker: Worker) -> bool:
    """It gets builds from now on, also after a suspension. False: it was revoked for good, or needs no approval."""
    return _stand(worker, (_Standing.PENDING, _Standing.SUSPENDED), _Standing.APPROVED, "", strikes=0)


def suspend(worker: Worker, why: str) -> bool:
    """It gets no further builds until somebody approves it again."""
    return _stand(worker, (_Standing.APPROVED,), _Standing.SUSPENDED, why)


def revoke(worker: Worker) -> bool:
    """Its token counts no more, from this moment on; its builds are taken back. False: it has none, or not any more."""
    if worker.is_local or not _stand(
        worker, tuple(set(_Standing) - {_Standing.REVOKED}), _Standing.REVOKED, "by a maintainer"
    ):
        return False
    queue.reclaim_from(worker, how=queue.LOST)
    return True


def want(worker: Worker, desired: str) -> None:
    """Run, drain or stop: it hears of that with its next call."""
    Worker.objects.filter(pk=worker.pk).update(desired=desired)
    queue.wake_workers()


def relabel(worker: Worker, labels: Iterable[str]) -> None:
    """From now on it builds this, until it brings labels at a start. They are as `builders.labels.parse` has them."""
    Worker.objects.filter(pk=worker.pk).update(labels=list(labels))
    queue.wake_workers()


def hold(worker: Worker, imagebuilders: Iterable[str]) -> None:
    """These ImageBuilders, and no others, are ready there."""
    wanted = set(imagebuilders)
    held = set(worker.holdings.values_list("sha256", flat=True))
    if gone := held - wanted:
        worker.holdings.filter(sha256__in=gone).delete()
    Holding.objects.bulk_create(
        [Holding(worker=worker, sha256=sha256) for sha256 in sorted(wanted - held)], ignore_conflicts=True
    )


_last_seen: dict[int, tuple[float, dict[str, Any]]] = {}


def heard_from(worker: Worker, **facts: Any) -> None:
    """It is there, and says so and so of itself. Written when it is news, or every few seconds."""
    now = time.monotonic()
    at, said = _last_seen.get(worker.pk, (-SEEN_SECONDS, {}))
    is_news = facts.get("complaint", "") != said.get("complaint", "")
    if is_news or now - at >= SEEN_SECONDS:
        Worker.objects.filter(pk=worker.pk).update(**facts, seen_at=Now())
        _last_seen[worker.pk] = now, facts


def forget() -> None:
    """Write down with the next call who is there. For tests, whose workers come and go."""
    _last_seen.clear()


def _join(token: str, intro: Introduction, join: str) -> Worker:
    if not tokens.is_token(token):
        raise NotWelcomeError("The token must have 24 to 200 letters and digits. Leave --token out to get one made.")
    if intro.name.startswith(LOCAL):
        raise NotWelcomeError(f"Names that begin with {LOCAL} are the server's own workers'. Choose another by --name.")
    if not join and Worker.objects.filter(standing=_Standing.PENDING).count() >= MOST_PENDING:
        raise NotWelcomeError("Too many workers wait for approval. Ask a maintainer of the server for a join token.")
    if join and not _unused(join).exists():
        raise NotWelcomeError("The join token is unknown, used or too old. Ask a maintainer of the server for another.")
    for number in range(1, 1000):
        name = intro.name if number == 1 else f"{intro.name[:74]}-{number}"
        try:
            with transaction.atomic():
                return Worker.objects.create(
                    name=name,
                    token_hash=tokens.digest(token),
                    is_local=False,
                    standing=_Standing.PENDING,
                    created_at=clock.now(),
                )
        except IntegrityError:
            # Either the name is taken, or the same worker introduces itself twice at once.
            if (other := by_token(token)) is not None:
                return other
    raise NotWelcomeError(f"There are too many workers called {intro.name}. Choose another name with --name.")


def _unused(join: str) -> Any:
    return JoinToken.objects.filter(token_hash=tokens.digest(join), used_at=None, expires_at__gt=Now())


def _use(join: str, worker: Worker) -> None:
    with transaction.atomic():
        if not _unused(join).update(used_at=Now(), worker=worker):
            raise NotWelcomeError(
                "The join token is unknown, used or too old. Ask a maintainer of the server for another, or to approve "
                f"the worker {worker.name}."
            )
        Worker.objects.filter(pk=worker.pk, standing=_Standing.PENDING).update(standing=_Standing.APPROVED)
    worker.standing = _Standing.APPROVED
    logger.info("worker %s joined with a join token", worker.name)


def _stand(worker: Worker, before: tuple[str, ...], after: str, why: str, **changes: Any) -> bool:
    changed = Worker.objects.filter(pk=worker.pk, standing__in=before).update(
        standing=after, standing_why=why[:300], **changes
    )
    if changed:
        logger.info("worker %s: %s%s", worker.name, after, f" ({why})" if why else "")
        queue.wake_workers()
    return bool(changed)


def _mark_fallen(worker: Worker) -> None:
    """A lost build after which its worker was never heard of again, until now: it went down with it."""
    if worker.seen_at is None:
        return
    last = Attempt.objects.filter(worker=worker).order_by("-id").first()
    if last is None or last.outcome != queue.LOST or last.ended_at is None or last.ended_at < worker.seen_at:
        return
    with transaction.atomic():
        build = Build.objects.select_for_update().get(pk=last.build_id)
        Attempt.objects.filter(pk=last.pk).update(outcome=queue.CRASHED)
        queue.park_if_it_kills(build)
