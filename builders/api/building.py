"""POST lease, beat, log, finish, fail and give-back: the life of one build, as its worker tells it."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from builders import claims, livelog, queue, receiving, workers
from builders.api import calls, joining, supplies
from builders.models import Build, Worker
from builders.receiving import Declared, Inbox
from builders.spec import BuildFailedError
from builders.states import Phase, Reason
from builders.transports.base import Call, Lease, LeaseLostError

_MOST_SLOTS = 64


@calls.for_worker("POST")
def lease(request: HttpRequest, worker: Worker) -> HttpResponseBase:
    """`{"slot", "call", "complaint"?, "imagebuilders"?, "free_disk_mb"?, ...}`: the next build, or `"lease": null`.

    `call` counts the questions of a slot; an answer that got lost is asked for again by the same number.
    """
    said = calls.read_json(request)
    call = Call(calls.number(said, "slot", _MOST_SLOTS - 1), calls.number(said, "call"))
    load = joining.facts(said)
    load.setdefault("complaint", "")
    workers.heard_from(worker, **load)
    held = joining.imagebuilders(said)
    if held is not None:
        workers.hold(worker, held)
    leased = queue.lease(worker, call, takes_new=worker.may_lease and not load["complaint"])
    return calls.answer(
        lease=supplies.lease_for(leased) if leased else None,
        standing=worker.standing,
        why=worker.standing_why,
        desired=worker.desired,
    )


@calls.for_worker("POST")
def beat(request: HttpRequest, worker: Worker) -> HttpResponseBase:
    """`{"build", "epoch", "phase", "progress"}`: keeps the lease; tells whether to go on, and what is wanted."""
    said = calls.read_json(request)
    phase, progress = said.get("phase"), said.get("progress")
    if phase not in Phase.values():
        raise calls.RefusedCallError(400, "bad_request", f"phase: send one of {', '.join(Phase.values())}.")
    if progress is not None:
        progress = calls.number(said, "progress", 100)
    go_on = queue.beat(calls.lease_in(said, worker), worker, Phase(phase), progress)
    workers.heard_from(worker, **joining.facts(said))
    return calls.answer(go_on=go_on, desired=worker.desired)


@calls.for_worker("POST")
def log(request: HttpRequest, worker: Worker, build: int, epoch: int) -> HttpResponseBase:
    """Bytes of text as they follow `?offset=`; answers how long the log is now. Beyond the limit nothing is kept."""
    offset = offset_in(request)
    if not is_leased(worker, build, epoch):
        raise LeaseLostError(build)
    return calls.answer(length=livelog.write_at(build, epoch, offset, request.read()), limit=livelog.limit())


@calls.for_worker("POST")
def finish(request: HttpRequest, worker: Worker) -> HttpResponseBase:
    """`{"build", "epoch", "files": [{"name", "size", "sha256"}], "result": {...}}`, after all files were sent.

    Answers the state that the build has then. What does not fit what was asked for fails the build.
    """
    said = calls.read_json(request)
    leased = calls.lease_in(said, worker)
    inbox = Inbox(leased.build_id, leased.epoch)
    report = said.get("result")
    if not isinstance(report, dict):
        raise calls.RefusedCallError(400, "bad_request", "result: not an object.")
    if not _still_to_finish(leased, worker):
        return _state(leased.build_id)
    with inbox.alone():
        if _still_to_finish(leased, worker):
            _finish(leased, worker, said, report, inbox)
    return _state(leased.build_id)


def _still_to_finish(leased: Lease, worker: Worker) -> bool:
    """False: it was finished under this lease. LeaseLostError when it is somebody else's."""
    if is_leased(worker, leased.build_id, leased.epoch):
        return True
    if queue.was_finished(leased.build_id, leased.epoch, worker):
        return False
    raise LeaseLostError(leased.spec_hash)


def _finish(leased: Lease, worker: Worker, said: dict[str, Any], report: dict[str, Any], inbox: Inbox) -> None:
    files, folder = inbox.result(_declared(said))
    result = claims.read(report, files, leased.spec, worker.sandbox)
    try:
        claims.check(result, leased.spec, folder)
    except BuildFailedError as failure:
        failure.stdout, failure.stderr, failure.build_cmd = result.stdout, result.stderr, result.build_cmd
        queue.fail(leased, worker, failure)
    else:
        queue.finish(leased, worker, result, folder)
    inbox.clear()


@calls.for_worker("POST")
def fail(request: HttpRequest, worker: Worker) -> HttpResponseBase:
    """`{"build", "epoch", "reason", "sentence", "stdout", "stderr", "build_cmd", "is_servers"?}`: why it failed.

    `is_servers`: it was this server that had no room for the image (507), so no other worker need try.
    """
    said = calls.read_json(request)
    leased = calls.lease_in(said, worker)
    failure = claims.failure(said)
    is_servers = failure.reason == Reason.DISK_FULL and said.get("is_servers") is True
    queue.fail(leased, worker, failure, is_final=is_servers)
    Inbox(leased.build_id, leased.epoch).clear()
    return _state(leased.build_id)


@calls.for_worker("POST")
def give_back(request: HttpRequest, worker: Worker) -> HttpResponseBase:
    """`{"build", "epoch"}`: back into the queue, without blame."""
    leased = calls.lease_in(calls.read_json(request), worker)
    queue.give_back(leased, worker)
    Inbox(leased.build_id, leased.epoch).clear()
    return _state(leased.build_id)


def _declared(said: dict[str, Any]) -> list[Declared]:
    files = said.get("files")
    if not isinstance(files, list) or len(files) > receiving.MOST_FILES:
        raise calls.RefusedCallError(400, "bad_request", f"files: not a list of at most {receiving.MOST_FILES} files.")
    declared = []
    for file in files:
        if not isinstance(file, dict) or not all(isinstance(file.get(key), str) for key in ("name", "sha256")):
            raise calls.RefusedCallError(400, "bad_request", "files: each has name, size and sha256.")
        declared.append(Declared(file["name"], calls.number(file, "size"), file["sha256"]))
    return declared


def is_leased(worker: Worker, build: int, epoch: int) -> bool:
    return Build.objects.building().filter(pk=build, epoch=epoch, worker=worker).exists()


def _state(build_id: int) -> HttpResponseBase:
    state, reason = Build.objects.values_list("state", "reason").get(pk=build_id)
    return calls.answer(state=state, reason=reason)


def offset_in(request: HttpRequest) -> int:
    text = request.GET.get("offset", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise calls.RefusedCallError(400, "bad_request", "offset: send how many bytes go before, e.g. ?offset=0.")
    return int(text)
