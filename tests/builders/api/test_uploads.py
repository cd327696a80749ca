"""Uploads: in pieces, each at its place, checked, and nothing half or foreign is ever kept."""

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from builders import livelog, queue, receiving, workers
from builders.models import Build
from builders.receiving import Declared, Inbox, RefusedFileError
from builders.states import State
from tests.builders.api.caller import IMAGE, approved, leased, of, sha256
from tests.factories import in_the_past
from tests.races import at_once

pytestmark = pytest.mark.django_db

DATA = os.urandom(300_000)
PIECE = 100_000


def pieces(data: bytes = DATA) -> Iterator[tuple[int, bytes]]:
    for offset in range(0, len(data), PIECE):
        yield offset, data[offset : offset + PIECE]


def whole(**changes: Any) -> dict[str, Any]:
    """The declaration that goes with each piece."""
    return {"size": len(DATA), "sha256": sha256(DATA), **changes}


def inbox_of(lease: dict[str, Any]) -> Path:
    return Inbox(lease["build"], lease["epoch"]).path


def kept(lease: dict[str, Any], number: int = 0) -> bytes:
    return (inbox_of(lease) / str(number)).read_bytes()


def test_a_file_comes_in_pieces_and_is_complete_with_the_last_one() -> None:
    caller, lease = leased()

    answers = [caller.put(lease, 0, piece, offset, **whole()) for offset, piece in pieces()]

    assert [(said.words["offset"], said.words["complete"]) for said in answers] == [
        (100_000, False),
        (200_000, False),
        (300_000, True),
    ]
    assert kept(lease) == DATA


def test_after_a_cut_the_server_tells_where_to_go_on() -> None:
    caller, lease = leased()
    caller.put(lease, 0, DATA[:PIECE], 0, **whole())

    asked = caller.call("GET", f"uploads/{lease['build']}/{lease['epoch']}/0")
    wrong = [caller.put(lease, 0, DATA[:PIECE], offset, **whole()) for offset in (0, 1, PIECE + 1, 2 * PIECE, 10**14)]
    caller.put(lease, 0, DATA[PIECE:], PIECE, **whole())

    assert (asked.words["offset"], asked.words["complete"]) == (PIECE, False)
    assert {said.short for said in wrong} == {(409, "offset")}
    assert {said.words["offset"] for said in wrong} == {PIECE}
    assert kept(lease) == DATA


def test_a_file_that_nobody_sent_yet_begins_at_nothing() -> None:
    caller, lease = leased()

    said = caller.call("GET", f"uploads/{lease['build']}/{lease['epoch']}/0")

    assert (said.words["offset"], said.words["complete"]) == (0, False)
    assert not inbox_of(lease).exists()


def test_the_last_piece_again_changes_nothing_and_answers_success() -> None:
    caller, lease = leased()
    caller.put(lease, 0, DATA, 0)

    again = [caller.put(lease, 0, DATA[offset:], offset, **whole()) for offset in (0, PIECE)]

    assert all((said.status, said.words["complete"]) == (200, True) for said in again)
    assert kept(lease) == DATA


def test_a_piece_again_after_the_build_was_published_answers_success_and_writes_nothing() -> None:
    caller, lease = leased()
    assert caller.finish(lease, {IMAGE: DATA}).words["state"] == State.DONE

    said = caller.put(lease, 0, DATA, 0)

    assert (said.status, said.words["offset"], said.words["complete"]) == (200, len(DATA), True)
    assert not inbox_of(lease).exists()


def test_a_file_with_a_wrong_sum_goes_and_may_be_sent_again() -> None:
    caller, lease = leased()
    broken = b"x" + DATA[1:]

    refused = caller.put(lease, 0, broken, 0, **whole())
    again = caller.put(lease, 0, DATA, 0)

    assert refused.short == (422, "checksum")
    assert sha256(broken) in refused.words["detail"]
    assert (again.status, again.words["complete"]) == (200, True)
    assert kept(lease) == DATA


def test_more_bytes_than_declared_are_not_kept() -> None:
    caller, lease = leased()

    said = caller.put(lease, 0, DATA + b"x", 0, **whole())

    assert said.short == (422, "size")
    assert caller.call("GET", f"uploads/{lease['build']}/{lease['epoch']}/0").words["offset"] == 0


@pytest.mark.parametrize("change", [{"name": "other.bin"}, {"size": len(DATA) + 1}, {"sha256": "0" * 64}])
def test_a_declaration_stays_what_it_was(change: dict[str, Any]) -> None:
    caller, lease = leased()
    caller.put(lease, 0, DATA[:PIECE], 0, **whole())

    said = caller.put(lease, 0, DATA[PIECE:], PIECE, **whole(**change))

    assert said.short == (422, "declaration")


NAMES = ["", ".", "..", "a/b", "/etc/passwd", "../../x", "a\0b", "a\nb", "a\n", " a", "a b", ".hidden", "-x", "ä.bin"]
NAMES += ["x" * 241, "a\\b", "\u202egnp.bin", "\uff41.bin", "%2e%2e%2f", "a;b", "$(x)", "`x`"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_is_not_plain_is_refused_and_leaves_nothing(name: str, settings: Settings) -> None:
    caller, lease = leased()

    said = caller.put(lease, 0, DATA, 0, name=name)

    assert said.short == (422, "declaration")
    assert said.words["detail"].startswith("name:") and len(said.words["detail"]) < 200
    assert list(Path(settings.ASU_UPLOAD_DIR).iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        *({"sha256": value} for value in ("", "0" * 63, "G" * 64, "A" * 64, "0" * 64 + "\n")),
        *({"size": value} for value in ("", "-1", "1.5", "1e3", "٣", "9" * 16, "9" * 5000)),
        *({"offset": value} for value in ("", "-1", "x", "٣", "9" * 16)),
    ],
    ids=lambda change: ascii(change)[:40],
)
def test_a_declaration_that_makes_no_sense_is_refused_in_words(change: dict[str, str], settings: Settings) -> None:
    caller, lease = leased()

    words: dict[str, Any] = {"offset": 0, **change}
    said = caller.put(lease, 0, DATA, **words)

    assert said.status in (400, 413, 422)
    assert next(iter(change)) in said.words["detail"]
    assert list(Path(settings.ASU_UPLOAD_DIR).iterdir()) == []


def test_files_are_numbered_up_to_a_limit() -> None:
    caller, lease = leased()

    last = caller.put(lease, receiving.MOST_FILES - 1, b"x")
    beyond = caller.put(lease, receiving.MOST_FILES, b"x")
    far_beyond = caller.call("GET", f"uploads/{lease['build']}/{lease['epoch']}/{'9' * 300}")

    assert (last.status, beyond.short, far_beyond.short) == (200, (413, "quota"), (413, "quota"))


def test_all_files_together_fit_the_quota_of_a_build(settings: Settings) -> None:
    settings.ASU_BUILD_DISK_MB = 1
    caller, lease = leased()

    one = caller.put(lease, 0, b"x", 0, size=2**20 + 1)
    first = caller.put(lease, 0, DATA[:PIECE], 0, **whole(size=2**19))
    second = caller.put(lease, 1, DATA[:PIECE], 0, **whole(size=2**19 + 1))
    third = caller.put(lease, 1, DATA[:PIECE], 0, **whole(size=2**19))

    assert [said.status for said in (one, first, second, third)] == [413, 200, 413, 200]


def test_an_empty_file_is_a_file() -> None:
    caller, lease = leased()

    assert caller.put(lease, 0, b"").words["complete"] is True
    assert kept(lease) == b""


def test_a_stale_lease_writes_nothing() -> None:
    caller, lease = leased()
    in_the_past(Build.objects.get(), "lease_until", 1)
    newer = caller.lease()
    assert newer is not None

    said = caller.put(lease, 0, DATA)

    assert said.short == (409, "lease_lost")
    assert not inbox_of(lease).exists()
    assert caller.put(newer, 0, DATA).status == 200


def test_another_workers_lease_takes_no_files_of_mine() -> None:
    _, lease = leased()
    other = approved(name="other")

    assert other.put(lease, 0, DATA).short == (409, "lease_lost")
    assert other.call("GET", f"uploads/{lease['build']}/{lease['epoch']}/0").short == (409, "lease_lost")
    assert not inbox_of(lease).exists()


@pytest.mark.django_db(transaction=True)
def test_two_writers_at_one_part_never_mix_their_bytes() -> None:
    caller, lease = leased()

    def send() -> list[int]:
        return [caller.put(lease, 0, piece, offset, **whole()).status for offset, piece in pieces()]

    answers = at_once(*[send] * 4)

    assert {status for statuses in answers for status in statuses} <= {200, 409}
    assert kept(lease) == DATA


def test_a_worker_that_declares_many_files_at_once_does_not_get_beyond_the_quota(settings: Settings) -> None:
    settings.ASU_BUILD_DISK_MB = 1
    inbox = Inbox(1, 1)

    found = at_once(
        *[partial(inbox.put, number, Declared(f"{number}.bin", 2**19, "0" * 64), 0, b"x") for number in range(8)]
    )

    assert sum(isinstance(answer, tuple) for answer in found) == 2
    assert {error.code for error in found if isinstance(error, RefusedFileError)} == {"quota"}


def test_files_of_leases_that_are_over_are_removed_and_those_of_others_stay(settings: Settings) -> None:
    caller, lease = leased()
    caller.put(lease, 0, DATA)
    root = Path(settings.ASU_UPLOAD_DIR)
    (root / f"{lease['build']}-{lease['epoch'] + 1}").mkdir()
    (root / "999-1" / "ready").mkdir(parents=True)
    (root / "somebody-elses").mkdir()

    receiving.remove_leftovers()

    assert sorted(path.name for path in root.iterdir()) == sorted([inbox_of(lease).name, "somebody-elses"])
    assert kept(lease) == DATA


@pytest.mark.parametrize("end", ["finish", "fail", "give-back"])
def test_the_end_of_a_lease_takes_its_files_along(end: str) -> None:
    caller, lease = leased()
    if end == "finish":
        caller.finish(lease, {IMAGE: DATA})
    else:
        caller.put(lease, 0, DATA)
        caller.call("POST", end, {**of(lease), "reason": "crash"})

    assert not inbox_of(lease).exists()


# -- a full disk -------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(settings: Settings, root: None, tmp_path: Path) -> Iterator[Path]:
    """Half a megabyte for uploads."""
    path = tmp_path / "small"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", path], check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    settings.ASU_UPLOAD_DIR = path
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def test_a_full_disk_is_told_and_keeps_nothing_half(small_disk: Path) -> None:
    caller, lease = leased()
    data = os.urandom(400_000)
    declared: dict[str, Any] = {"size": 800_000, "sha256": sha256(data * 2)}
    caller.put(lease, 0, data, 0, **declared)

    said = caller.put(lease, 0, data, len(data), **declared)

    assert said.short == (507, "disk_full")
    assert caller.call("GET", f"uploads/{lease['build']}/{lease['epoch']}/0").words["offset"] == len(data)
    assert Build.objects.get().state == State.BUILDING


def test_a_disk_that_has_room_again_takes_the_rest(small_disk: Path) -> None:
    caller, lease = leased()
    (small_disk / "ballast").write_bytes(os.urandom(400_000))
    assert caller.put(lease, 0, DATA, 0).short == (507, "disk_full")
    (small_disk / "ballast").unlink()

    assert caller.put(lease, 0, DATA, 0).words["complete"] is True
    assert kept(lease) == DATA


def test_a_full_disk_of_the_server_is_final_and_no_fault_of_the_worker() -> None:
    caller, lease = leased()
    other = approved(name="other")
    said = {**of(lease), "reason": "disk_full", "sentence": "The disk of the server is full.", "is_servers": True}

    for _ in range(2):
        assert caller.call("POST", "fail", said).words == {"status": 200, "state": "failed", "reason": "disk_full"}
    queue.retry(Build.objects.get())
    theirs = other.lease()
    assert theirs is not None
    assert other.finish(theirs, {IMAGE: DATA}).words["state"] == State.DONE

    assert caller.row.strikes == 0


def test_a_full_disk_of_a_worker_is_tried_elsewhere() -> None:
    approved(name="other")
    caller, lease = leased()

    said = caller.call("POST", "fail", {**of(lease), "reason": "disk_full"})

    assert said.words["state"] == State.QUEUED


# -- the log while it runs -----------------------------------------------------------------------------------


def log(caller: Any, lease: dict[str, Any], offset: int, data: bytes) -> Any:
    return caller.call("POST", f"log/{lease['build']}/{lease['epoch']}?offset={offset}", data)


def test_a_log_grows_where_it_ends_and_nothing_stands_there_twice() -> None:
    caller, lease = leased()

    lengths = [
        log(caller, lease, offset, data).words["length"]
        for offset, data in ((0, b"one\n"), (4, b"two\n"), (4, b"two\n"), (100, b"gap"), (8, b"\xff\0\n"))
    ]

    assert lengths == [4, 8, 8, 8, 11]
    assert livelog.read(lease["build"], lease["epoch"])[0] == b"one\ntwo\n\xff\0\n"


def test_a_log_without_end_is_cut(settings: Settings) -> None:
    settings.ASU_BUILD_LOG_KB = 16
    caller, lease = leased()

    said = [log(caller, lease, offset, b"x" * 10_000) for offset in (0, 10_000, 16 * 1024, 10**15 - 1)]

    assert [answer.words["length"] for answer in said] == [10_000, 16 * 1024, 16 * 1024, 16 * 1024]


def test_a_stale_lease_says_nothing_more() -> None:
    caller, lease = leased()
    in_the_past(Build.objects.get(), "lease_until", 1)
    assert caller.lease() is not None

    assert log(caller, lease, 0, b"x").short == (409, "lease_lost")
    assert log(approved(name="other"), lease, 0, b"x").short == (409, "lease_lost")
    workers.revoke(caller.row)
    assert log(caller, lease, 0, b"x").short == (403, "revoked")
