"""What a maintainer can tell a worker, when that makes sense, and what will happen then."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from builders import workers
from builders.models import Worker
from builders.shown import visible

_Standing, _Desired = Worker.Standing, Worker.Desired

_NEW_TOKEN = "manage.py worker_token {name}"  # noqa: S105 (a command)


@dataclass(frozen=True, slots=True)
class Order:
    """A button."""

    name: str
    label: str
    hint: str
    is_grave: bool
    makes_sense: Callable[[Worker], bool]
    carry_out: Callable[[Worker], bool]
    announce: Callable[[Worker, bool, str], str]  # worker, whether it is there, address of the server


def _runs_on(desired: str) -> Callable[[Worker], bool]:
    return lambda worker: worker.standing == _Standing.APPROVED and worker.desired != desired


def _tell(desired: str) -> Callable[[Worker], bool]:
    def tell(worker: Worker) -> bool:
        workers.want(worker, desired)
        return True

    return tell


def _suspend(worker: Worker) -> bool:
    return workers.suspend(worker, "A maintainer suspended it.")


def _approved(worker: Worker, is_there: bool, server: str) -> str:
    if worker.desired != _Desired.RUN:
        return f"It is approved, and still told to {worker.desired}: press Run to give it builds."
    return "It is approved: " + (
        "it gets builds within seconds." if is_there else "it gets builds as soon as it is there again."
    )


def _running(worker: Worker, is_there: bool, server: str) -> str:
    if worker.is_local:
        return "It takes builds again: the server starts it as soon as something waits."
    if is_there:
        return "It hears of that within seconds and takes builds again."
    return f"It may take builds again, but it does not run. {how_to_start(server)}"


def _draining(worker: Worker, is_there: bool, server: str) -> str:
    if is_there or worker.is_local:
        return "It takes no further build; what it builds now is finished first."
    return "It is away; when it comes back it takes no builds until you press Run."


def _stopping(worker: Worker, is_there: bool, server: str) -> str:
    if worker.is_local:
        return "It gives back what it builds within seconds and stops; Run starts it again."
    if is_there:
        return f"It hears of that within seconds, gives back what it builds, and ends. {how_to_start(server)}"
    return "It is away already. Starting it on its own machine lets it run again."


def _suspended(worker: Worker, is_there: bool, server: str) -> str:
    return "It gets no further build until somebody approves it; what it builds now is finished first."


def _revoked(worker: Worker, is_there: bool, server: str) -> str:
    return (
        "Its token counts no more, and what it built waits for another worker. To let it in again, make a new token: "
        f"{_NEW_TOKEN.format(name=visible(worker.name))}"
    )


def how_to_start(server: str) -> str:
    """A remote worker that ended can only be started where it is."""
    return (
        "To start it again, run on its own machine, in the folder where it ran: "
        f"python3 asu-worker.pyz --server {server} "
        "(with the --name, --data and --label that it had; it kept its token)."
    )


ORDERS = {
    order.name: order
    for order in (
        Order(
            "approve",
            "Approve",
            "It gets builds from now on",
            False,
            lambda worker: worker.standing in (_Standing.PENDING, _Standing.SUSPENDED),
            workers.approve,
            _approved,
        ),
        Order("run", "Run", "It takes builds", False, _runs_on(_Desired.RUN), _tell(_Desired.RUN), _running),
        Order(
            "drain",
            "Drain",
            "It finishes its build and takes no other",
            False,
            _runs_on(_Desired.DRAIN),
            _tell(_Desired.DRAIN),
            _draining,
        ),
        Order(
            "stop", "Stop", "It gives its build back", False, _runs_on(_Desired.STOP), _tell(_Desired.STOP), _stopping
        ),
        Order(
            "suspend",
            "Suspend",
            "It gets no further builds until approved again",
            False,
            lambda worker: worker.standing == _Standing.APPROVED,
            _suspend,
            _suspended,
        ),
        Order(
            "revoke",
            "Revoke",
            "Its token counts no more",
            True,
            lambda worker: not worker.is_local and worker.standing != _Standing.REVOKED,
            workers.revoke,
            _revoked,
        ),
    )
}


def for_worker(worker: Worker) -> list[Order]:
    """Those that make sense just now."""
    return [order for order in ORDERS.values() if order.makes_sense(worker)]


def give(order: Order, rows: Iterable[Worker], is_there: Callable[[Worker], bool], server: str) -> "Given":
    """Carry it out for each; `is_there`: whether a worker was heard of lately."""
    given = Given()
    for worker in rows:
        name = visible(worker.name)
        if order.makes_sense(worker) and order.carry_out(worker):
            worker.refresh_from_db(fields=["standing", "desired", "standing_why"])
            given.obeyed.append(worker)
            given.sentences.append(f"Worker {name}: {order.announce(worker, is_there(worker), server)}")
        else:
            given.refusals.append(f"Worker {name} was left alone: {why_not(order, worker)}")
    return given


class Given:
    """What came of an order."""

    def __init__(self) -> None:
        self.obeyed: list[Worker] = []
        self.sentences: list[str] = []
        self.refusals: list[str] = []


def why_not(order: Order, worker: Worker) -> str:
    """Why an order makes no sense for a worker."""
    if order.name == "revoke" and worker.is_local:
        return "it runs on the server's own machine and has no token; stop or suspend it instead."
    if worker.standing == _Standing.REVOKED:
        return f"its token was revoked. To let it in again: {_NEW_TOKEN.format(name=visible(worker.name))}"
    if order.name == "approve":
        return "it is approved already."
    if worker.standing != _Standing.APPROVED:
        return f"it is {worker.standing}; approve it first."
    return f"it is told to {worker.desired} already."
