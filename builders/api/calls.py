"""What all calls of workers have in common: who calls, what is said, and how errors are told.

Each call carries `Authorization: Bearer <token>` and, but for the first one, `X-Asu-Instance: <instance>`: the life of
the agent that introduced itself last in the name of this token. Bodies and answers are JSON objects; an error has an
integer `status`, a sentence as `detail`, and a `code` for programs:

======================= ==================================================================================
401 unknown_token       nobody has this token
403 revoked             the token counts no more
403 not_welcome         see the sentence
400 bad_request         the sentence names the field
409 replaced            another agent introduced itself with the same token since
409 lease_lost          somebody else has the build now, or nobody may: stop, clean up, change nothing
409 offset              a piece of a file does not follow the one before; `offset` is where to go on
413 too_large           beyond a limit
422 ...                 a file is not what was declared (`builders.receiving.RefusedFileError.code`)
503 away, 507 disk_full try again later
======================= ==================================================================================

Plain views: REST framework would cost an idle poll more than all the rest of it.
"""

import functools
import json
import logging
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from builders import queue, workers
from builders.claims import ClaimError
from builders.models import Worker
from builders.receiving import RefusedFileError, WrongOffsetError, is_full
from builders.transports.base import Lease, LeaseLostError

logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
View = Callable[Concatenate[HttpRequest, _P], HttpResponseBase]
WorkerView = Callable[Concatenate[HttpRequest, Worker, _P], HttpResponseBase]


class RefusedCallError(Exception):
    """The call is answered with this status, code and sentence."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.more = more


def error(status: int, code: str, detail: str, **more: Any) -> JsonResponse:
    """An error as workers read it."""
    return JsonResponse({"status": status, "code": code, "detail": detail, **more}, status=status)


def told(view: View[_P]) -> View[_P]:
    """Turns what goes wrong in a call into its answer."""

    @csrf_exempt
    @functools.wraps(view)
    def call(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except RefusedCallError as refusal:
            return error(refusal.status, refusal.code, refusal.detail, **refusal.more)
        except LeaseLostError:
            return error(409, "lease_lost", "This lease is over: the build is somebody else's now, or nobody's.")
        except workers.NotWelcomeError as refusal:
            return error(403, refusal.code, str(refusal))
        except ClaimError as wrong:
            return error(400, "bad_request", str(wrong))
        except WrongOffsetError as wrong:
            return error(409, "offset", f"Go on at byte {wrong.offset}.", offset=wrong.offset)
        except RefusedFileError as refused:
            return error(413 if refused.code == "quota" else 422, refused.code, refused.detail)
        except (OperationalError, InterfaceError):
            logger.warning("a worker's call failed: the database is away", exc_info=True)
            return error(503, "away", "The database is away for a moment.")
        except OSError as problem:
            if not is_full(problem):
                raise
            logger.error("a worker's call failed: the disk is full")
            return error(507, "disk_full", "The disk of the server is full.")

    return call


def for_worker(*methods: str, any_life: bool = False) -> Callable[[WorkerView[_P]], View[_P]]:
    """A call of a worker that has introduced itself; `any_life`: whichever of its lives, since nothing is changed."""

    def decorate(view: WorkerView[_P]) -> View[_P]:
        @told
        @functools.wraps(view)
        def call(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
            need_method(request, *methods)
            return view(request, _who(request, any_life), *args, **kwargs)

        return call

    return decorate


def need_method(request: HttpRequest, *methods: str) -> None:
    """RefusedCallError(405) for any other."""
    if request.method not in methods:
        raise RefusedCallError(405, "bad_request", f"This address takes {' and '.join(methods)} only.")


def token_of(request: HttpRequest) -> str:
    """The bearer token. RefusedCallError(401) without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise RefusedCallError(401, "unknown_token", "Send the worker's token: `Authorization: Bearer <token>`.")
    return token.strip()


def _who(request: HttpRequest, any_life: bool) -> Worker:
    worker = workers.by_token(token_of(request))
    if worker is None:
        raise RefusedCallError(401, "unknown_token", "Nobody has this token. Register first.")
    if worker.standing == Worker.Standing.REVOKED:
        raise RefusedCallError(403, "revoked", "This worker's token was revoked by a maintainer.")
    if any_life:
        return worker
    if not worker.instance or request.headers.get("X-Asu-Instance", "") != worker.instance:
        raise RefusedCallError(
            409, "replaced", f"Another agent introduced itself as {worker.name} since. Each agent needs its own token."
        )
    return worker


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The body, an object. RefusedCallError(400) on anything else."""
    try:
        said = json.loads(request.read() or b"{}")
    except (ValueError, RecursionError) as wrong:
        raise RefusedCallError(400, "bad_request", "The body is not JSON.") from wrong
    if not isinstance(said, dict):
        raise RefusedCallError(400, "bad_request", "The body is not a JSON object.")
    return said


def lease_in(said: dict[str, Any], worker: Worker) -> Lease:
    """The lease that a call names. Whether it still counts is for the queue to say."""
    return lease_at(number(said, "build"), number(said, "epoch"), worker)


def lease_at(build: int, epoch: int, worker: Worker) -> Lease:
    """The same from an address."""
    return queue.lease_known(worker, build, epoch)


def number(said: dict[str, Any], name: str, most: int = 2**62) -> int:
    """A whole number from 0. RefusedCallError(400) on anything else."""
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise RefusedCallError(400, "bad_request", f"{name}: not a whole number from 0 to {most}.")
    return value


def answer(**words: Any) -> HttpResponse:
    """A good answer."""
    return JsonResponse({"status": 200, **words})
