"""What has to be true after any fault. Each is a function named for its sentence; it yields what speaks against it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Count

from builders import tasks
from builders.models import Attempt, Build
from builders.queue import GIVEN_BACK
from builders.states import State
from images.models import Image
from tests.faults.clients import Ledger, is_downloadable
from tests.faults.proxy import Call
from tests.faults.service import Service, command_line, processes

Invariant = Callable[[Service, Ledger], Iterator[str]]
# Between the moment when a call was noted and the one at which the database looked at it.
_SLACK = timedelta(seconds=0.05)


def everything_has_come_to_an_end(service: Service, ledger: Ledger) -> Iterator[str]:
    for build in Build.objects.exclude(state=State.DONE):
        yield f"build {build.pk} is {build.state}: {build.sentence}"


def nothing_accepted_is_lost(service: Service, ledger: Ledger) -> Iterator[str]:
    for request_hash in ledger.accepted:
        if wrong := is_downloadable(service.port, request_hash):
            yield f"{request_hash[:12]} {wrong}"


def nothing_is_built_into_two_images(service: Service, ledger: Ledger) -> Iterator[str]:
    done = Attempt.objects.filter(outcome=State.DONE).order_by().values_list("build").annotate(count=Count("id"))
    for build, count in done:
        if count != 1:
            yield f"build {build} was finished {count} times"
    ends = {attempt.build_id: attempt for attempt in Attempt.objects.filter(outcome=State.DONE)}
    for image in Image.objects.select_related("request"):
        attempt = ends.get(image.request.build_id or 0)
        if attempt is None or attempt.ended_at is None:
            yield f"image {image.pk} was published, and no attempt finished its build"
        elif not attempt.started_at <= image.published_at <= attempt.ended_at + timedelta(seconds=30):
            yield f"image {image.pk} was published at {image.published_at}, outside of attempt {attempt}"
    if missing := set(ends) - set(Image.objects.values_list("request__build", flat=True)):
        yield f"builds {sorted(missing)} are done and have no image"


def the_store_holds_exactly_what_the_rows_say(service: Service, ledger: Ledger) -> Iterator[str]:
    store = Path(settings.ASU_STORE_DIR)
    rows = {
        image.request.request_hash: {(file.name, file.size) for file in image.files.all()}
        for image in Image.objects.select_related("request").prefetch_related("files")
    }
    for folder in store.iterdir():
        if folder.name not in rows:
            yield f"{folder.name} has no row"
        elif (found := {(path.name, path.stat().st_size) for path in folder.iterdir()}) != rows.pop(folder.name):
            yield f"{folder.name} holds {sorted(found)}"
    for request_hash in rows:
        yield f"{request_hash} has rows and no folder"


def no_upload_outlives_its_lease(service: Service, ledger: Ledger) -> Iterator[str]:
    tasks.tend()
    for path in Path(settings.ASU_UPLOAD_DIR).iterdir():
        yield f"{path.name} is left"


def epochs_count_attempts(service: Service, ledger: Ledger) -> Iterator[str]:
    epochs = defaultdict(list)
    for build, epoch, outcome in Attempt.objects.order_by("epoch").values_list("build", "epoch", "outcome"):
        epochs[build].append(epoch)
        if not outcome:
            yield f"attempt {build}/{epoch} never ended"
    for build, epoch in Build.objects.values_list("pk", "epoch"):
        if epochs[build] != list(range(1, epoch + 1)):
            yield f"build {build} is at epoch {epoch} and had the attempts {epochs[build]}"


def a_stale_lease_changes_nothing(service: Service, ledger: Ledger) -> Iterator[str]:
    ends = {(attempt.build_id, attempt.epoch): attempt for attempt in Attempt.objects.all()}
    for remote in service.remotes:
        for call in remote.proxy.calls:
            attempt = ends.get((call.build, call.epoch))
            if attempt is not None and _is_too_late(call, attempt) and not _tells_the_same_again(call, attempt):
                yield f"{call} was not refused; {attempt} ended at {attempt.ended_at}: {attempt.outcome}"


def _is_too_late(call: Call, attempt: Attempt) -> bool:
    return (
        200 <= call.status < 300
        and attempt.ended_at is not None
        and datetime.fromtimestamp(call.at, UTC) > attempt.ended_at + _SLACK
    )


def _tells_the_same_again(call: Call, attempt: Attempt) -> bool:
    """An end that is told twice, because its answer got lost, is no news and no error."""
    match call.verb:
        case "finish":
            return attempt.outcome == State.DONE
        case "fail":
            return attempt.outcome not in (State.DONE, GIVEN_BACK)
        case "give-back":
            return attempt.outcome == GIVEN_BACK
        case _:
            return False


def no_process_of_a_build_is_left(service: Service, ledger: Ledger) -> Iterator[str]:
    root = str(service.root).encode()
    known = {pid for unit in service.units() for pid in unit.family()}
    for pid in processes():
        words = command_line(pid)
        is_builds = b"EXTRA_IMAGE_NAME=" in words or b"keeper.py" in words
        if root in words and (is_builds or pid not in known):
            yield f"process {pid}: {words[:60]!r} ... {words[-300:]!r}"


def clients_were_told_the_truth(service: Service, ledger: Ledger) -> Iterator[str]:
    """No answer but 200, 202, 503 and, for a build whose workers went again and again, 500."""
    yield from ledger.complaints
    for word in ledger.statuses:
        if word not in ("200", "202", "410", "503", "500 (workers lost)", "no answer"):
            yield f"{ledger.statuses[word]} x {word}"


ALL: tuple[Invariant, ...] = (
    everything_has_come_to_an_end,
    nothing_accepted_is_lost,
    nothing_is_built_into_two_images,
    the_store_holds_exactly_what_the_rows_say,
    no_upload_outlives_its_lease,
    epochs_count_attempts,
    a_stale_lease_changes_nothing,
    no_process_of_a_build_is_left,
    clients_were_told_the_truth,
)


def outcomes() -> Counter[str]:
    """How the attempts ended, for the report."""
    return Counter(Attempt.objects.values_list("outcome", flat=True))
