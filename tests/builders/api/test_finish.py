"""Finish and fail: what a worker says of its build is believed only where it fits what was asked for."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from pytest_django import Settings

from builders import queue, trailer, workers
from builders.models import Attempt, Build
from builders.receiving import Inbox
from builders.signals import build_finished
from builders.states import Reason, State
from images.models import Image
from packages.models import Package
from tests.builders.api.caller import IMAGE, Caller, approved, each, leased, of, result, wanted
from tests.factories import in_the_past, make_spec
from tests.images.factories import make_target

pytestmark = pytest.mark.django_db

FILES = {IMAGE: b"firmware" * 1000, "demo.manifest": b"base-files - 1\n"}


def nothing_is_published() -> bool:
    return not Image.objects.exists() and not any(Path(site.ASU_STORE_DIR).iterdir())


def test_an_honest_result_is_published() -> None:
    caller, lease = leased(sandbox="full")

    said = caller.finish(lease, FILES)

    assert said.words == {"status": 200, "state": "done", "reason": ""}
    assert Image.objects.get().manifest == {"base-files": "1"}
    assert (Path(site.ASU_STORE_DIR) / lease["hash"] / IMAGE).read_bytes() == FILES[IMAGE]


def test_a_finish_whose_answer_got_lost_is_repeated_without_harm() -> None:
    caller, lease = leased()
    caller.finish(lease, FILES)
    before = Build.objects.values().get(), Image.objects.values().get(), Attempt.objects.values().get()

    said = [caller.report(lease, FILES), caller.finish(lease, FILES), caller.report(lease, {})]

    assert {(answer.status, answer.words["state"]) for answer in said} == {(200, "done")}
    assert (Build.objects.values().get(), Image.objects.values().get(), Attempt.objects.values().get()) == before


@pytest.mark.parametrize("how", ["never sent", "half sent", "other sum", "other order", "other size"])
def test_a_file_that_was_not_sent_in_whole_is_missing(how: str) -> None:
    caller, lease = leased()
    numbers = {name: number for number, name in enumerate(FILES)}
    for name, data in FILES.items():
        if how == "half sent" and name == IMAGE:
            half = {"size": len(data), "sha256": "0" * 64}
            caller.put(lease, numbers[name], data[:10], 0, name=name, **half)
        elif how == "other order":
            caller.put(lease, 1 - numbers[name], data, name=name)
        elif how != "never sent":
            caller.put(lease, numbers[name], data, name=name)
    files = dict(FILES)
    if how == "other sum":
        files[IMAGE] = b"x" * len(FILES[IMAGE])
    elif how == "other size":
        files[IMAGE] = FILES[IMAGE] + b"x"

    said = caller.report(lease, files)

    assert said.short == (422, "missing")
    assert Build.objects.get().state == State.BUILDING
    assert nothing_is_published()


def test_two_files_of_one_name_are_refused() -> None:
    caller, lease = leased()
    for number in (0, 1):
        caller.put(lease, number, b"x")
    file = {"name": IMAGE, "size": 1, "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}

    said = caller.call("POST", "finish", {**of(lease), "files": [file, file], "result": result({IMAGE: b"x"})})

    assert said.short == (422, "declaration")


def profile(lease_files: dict[str, bytes] = FILES, **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = result(lease_files)["profile_json"]
    return document | changes


def images(**changes: Any) -> dict[str, Any]:
    """A document whose one image says something else."""
    document = profile()
    document["profiles"]["tiny"]["images"][0] |= changes
    return document


def device(**changes: Any) -> dict[str, Any]:
    """A document whose one device says something else of itself."""
    document = profile()
    document["profiles"]["tiny"] |= changes
    return document


LONG = "x" * 1_000_000
LIES: list[tuple[str, dict[str, Any]]] = [
    ("another device", {"profiles": {"huge": profile()["profiles"]["tiny"]}}),
    ("a device with a long name", {"profiles": {LONG: profile()["profiles"]["tiny"]}}),
    ("two devices", {"profiles": {"tiny": profile()["profiles"]["tiny"], "huge": {}}}),
    ("no device", {"profiles": {}}),
    ("no object", {"profiles": ["tiny"]}),
    ("no entry", {"profiles": {"tiny": None}}),
    ("no images", {"profiles": {"tiny": {"images": []}}}),
    ("images that are none", {"profiles": {"tiny": {"images": "x"}}}),
    ("an image that is none", {"profiles": {"tiny": {"images": [1]}}}),
    ("an image without a name", {"profiles": {"tiny": {"images": [{}]}}}),
    ("an image that was not sent", images(name="other.bin")),
    ("an image with a long name", images(name=LONG)),
    ("an image with a path for a name", images(name="../../x")),
    ("another sum", images(sha256="0" * 64)),
    ("a sum that is none", images(sha256=["x"])),
    ("a type that is none", images(type={"a": 1})),
    ("a type with markup", images(type="<b>")),
    ("a long type", images(type=LONG)),
    ("another target", profile(target="dale/wide")),
    ("a long target", profile(target=LONG)),
    ("a target that is none", profile(target=["hill/small"])),
    ("titles that are none", device(titles="Acme Tiny")),
    ("a title that is none", device(titles=["Acme Tiny"])),
    ("a title without a text", device(titles=[{"title": ["Acme Tiny"]}])),
    ("boards that are none", device(supported_devices={"acme,tiny": 1})),
    ("packages that are none", profile(default_packages="dnsmasq")),
    ("a time beyond all calendars", profile(source_date_epoch=10**17)),
    ("a time before all computers", profile(source_date_epoch=-(10**17))),
    ("a time that is none", profile(source_date_epoch="today")),
]


@pytest.mark.parametrize("document", [lie[1] for lie in LIES], ids=[lie[0] for lie in LIES])
def test_a_result_for_something_else_fails_the_build_in_short_words(document: dict[str, Any]) -> None:
    caller, lease = leased()

    said = caller.finish(lease, FILES, profile_json=document)

    assert said.words == {"status": 200, "state": "failed", "reason": "bad_result"}
    build = Build.objects.get()
    assert "Nothing of it was published" in build.sentence
    assert len(build.sentence) < 500
    assert build.stdout == "built"
    assert nothing_is_published()


@pytest.mark.parametrize("code", ["r2-other", 7, ["r1"], LONG])
def test_a_result_of_another_revision_fails_the_build(code: object) -> None:
    wanted(make_spec(version_code="r1-right"))
    caller = approved()
    lease = caller.lease()
    assert lease is not None

    caller.finish(lease, FILES, profile_json=profile(version_code=code))

    build = Build.objects.get()
    assert (build.reason, len(build.sentence) < 500) == (Reason.BAD_RESULT, True)
    assert nothing_is_published()


def with_metadata(folder: Path, metadata: bytes) -> dict[str, bytes]:
    """An image that says itself for whom it is."""
    path = folder / "image"
    path.write_bytes(b"firmware" * 1000)
    trailer.append(path, trailer.METADATA, metadata)
    return {IMAGE: path.read_bytes()}


@pytest.fixture
def tiny() -> dict[str, Any]:
    """The device in the catalogue."""
    device = {"name": "tiny", "supported_devices": ["acme,tiny", "tiny-old"], "titles": [], "images": []}
    make_target("hill/small", "1.0.0", distribution="demo", profiles=(device,))
    return device


@pytest.mark.parametrize(
    ("boards", "state"),
    [
        (["acme,tiny"], State.DONE),
        (["other", "tiny-old"], State.DONE),
        (["acme,huge"], State.FAILED),
        (["acme,tin"], State.FAILED),
        ([["acme,tiny"]], State.FAILED),
        ([LONG[:20_000]], State.FAILED),
    ],
)
def test_an_image_whose_metadata_is_for_another_board_fails_the_build(
    tiny: dict[str, Any], tmp_path: Path, boards: list[Any], state: State
) -> None:
    caller, lease = leased()

    caller.finish(lease, with_metadata(tmp_path, json.dumps({"supported_devices": boards}).encode()))

    build = Build.objects.get()
    assert build.state == state
    assert len(build.sentence) < 500
    assert nothing_is_published() == (state == State.FAILED)


@pytest.mark.parametrize(
    "metadata", [b"{", b"[]", b'{"supported_devices": 1}', b"\xff" * 100, b"[" * 30_000, b'{"supported_devices": []}']
)
def test_metadata_that_says_nothing_does_no_harm(tiny: dict[str, Any], tmp_path: Path, metadata: bytes) -> None:
    caller, lease = leased()

    said = caller.finish(lease, with_metadata(tmp_path, metadata))

    assert said.words["state"] == State.DONE


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("manifest", "state"),
    [
        ({"base-files": "1", "vim": "9.1.0727-r1"}, State.DONE),
        ({"base-files": "1", "vim": "9.1"}, State.FAILED),
        ({"base-files": "1"}, State.FAILED),
        ({}, State.FAILED),
    ],
)
def test_a_result_with_other_packages_than_were_asked_for_fails_the_build(
    manifest: dict[str, str], state: State
) -> None:
    spec = make_spec(packages=("vim", "-dnsmasq", "not-in-the-index"))
    feeds = tuple(type(spec.feeds[0])(feed.name, feed.kind, "opkg", feed.url, "12" * 32) for feed in spec.feeds)
    wanted(make_spec(packages=spec.packages, feeds=feeds))
    caller = approved()
    lease = caller.lease()
    assert lease is not None

    caller.finish(lease, FILES, manifest=manifest)

    build = Build.objects.get()
    assert build.state == state
    assert state == State.DONE or "vim" in build.sentence


@pytest.mark.usefixtures("tiny")
def test_a_package_that_another_one_stands_in_for_may_be_missing() -> None:
    row = Package.objects.get(full_name="luci")
    Package.objects.filter(pk=row.pk).update(provides=["vim (=9)"])
    spec = make_spec(packages=("vim",))
    feeds = tuple(type(spec.feeds[0])(feed.name, feed.kind, "opkg", feed.url, "12" * 32) for feed in spec.feeds)
    wanted(make_spec(packages=spec.packages, feeds=feeds))
    caller = approved()
    lease = caller.lease()
    assert lease is not None

    caller.finish(lease, FILES, manifest={"luci": row.version})

    assert Build.objects.get().state == State.DONE


DEEP: Any = {}
for _ in range(300):
    DEEP = {"a": DEEP}

WRONG: list[tuple[str, dict[str, Any]]] = [
    ("manifest", {"manifest": []}),
    ("manifest", {"manifest": {"a b": "1"}}),
    ("manifest", {"manifest": {"vim": 1}}),
    ("manifest", {"manifest": {"vim": None}}),
    ("manifest", {"manifest": {"vim": "1\n2"}}),
    ("manifest", {"manifest": {"vim": "1\0"}}),
    ("manifest", {"manifest": {"\ud800": "1"}}),
    ("manifest", {"manifest": {"vim": "1" * 129}}),
    ("manifest", {"manifest": {LONG: "1"}}),
    ("manifest", {"manifest": {f"p{number}": "1" for number in range(20_001)}}),
    ("profile_json", {"profile_json": []}),
    ("profile_json", {"profile_json": None}),
    ("profile_json", {"profile_json": profile(extra=DEEP)}),
    ("profile_json", {"profile_json": profile(extra="a\0b")}),
    ("profile_json", {"profile_json": profile(extra={"\0": 1})}),
    ("profile_json", {"profile_json": profile(extra="\ud800")}),
    ("profile_json", {"profile_json": profile(extra=float("nan"))}),
    ("profile_json", {"profile_json": profile(extra=[float("inf")])}),
    ("profile_json", {"profile_json": profile(extra=10**400)}),
    ("profile_json", {"profile_json": profile(extra=[LONG] * 6)}),
    ("build_cmd", {"build_cmd": "make image"}),
    ("build_cmd", {"build_cmd": [1]}),
    ("build_cmd", {"build_cmd": ["x" * 200_001]}),
    ("stdout", {"stdout": None}),
    ("stdout", {"stdout": ["x"]}),
    ("stderr", {"stderr": 1}),
    ("seconds", {"seconds": "1"}),
    ("seconds", {"seconds": -1}),
    ("seconds", {"seconds": float("nan")}),
    ("seconds", {"seconds": 10**30}),
    ("seconds", {"seconds": True}),
    ("details", {"details": []}),
    ("details", {"details": {"made_here": 1}}),
    ("details", {"details": {"made_here": {"profiles.json": 1}}}),
    ("details", {"details": {"made_here": [["x"]]}}),
    ("details", {"details": {"downloaded_bytes": DEEP}}),
]


@pytest.mark.parametrize(("field", "changes"), WRONG, ids=[ascii(wrong[1])[:60] for wrong in WRONG])
def test_a_report_of_the_wrong_shape_is_refused_with_the_name_of_the_field(field: str, changes: dict[str, Any]) -> None:
    caller, lease = leased()

    said = caller.finish(lease, FILES, **changes)

    assert said.short == (400, "bad_request")
    assert said.words["detail"].startswith(field)
    assert len(said.words["detail"]) < 400
    assert Build.objects.get().state == State.BUILDING
    assert nothing_is_published()


@pytest.mark.parametrize(
    "files",
    [None, {}, "x", [1], [{}], [{"name": "a"}], [{"name": "a", "size": "1", "sha256": "0" * 64}], [{"name": 1}] * 501],
    ids=lambda files: ascii(files)[:40],
)
def test_a_list_of_files_of_the_wrong_shape_is_refused(files: object) -> None:
    caller, lease = leased()

    said = caller.call("POST", "finish", {**of(lease), "files": files, "result": result({})})

    assert said.short == (400, "bad_request")
    assert "files" in said.words["detail"] or "size" in said.words["detail"]


@pytest.mark.parametrize("report", [None, [], "x", 1])
def test_a_report_that_is_no_object_is_refused(report: object) -> None:
    caller, lease = leased()

    said = caller.call("POST", "finish", {**of(lease), "files": [], "result": report})

    assert said.short == (400, "bad_request")


def test_odd_bytes_in_logs_and_commands_are_kept_as_text() -> None:
    caller, lease = leased()

    caller.finish(lease, FILES, stdout="a\0b\ud800c", stderr="\udfff\0", build_cmd=["make", "A=\0\ud800"])

    build = Build.objects.get()
    assert build.state == State.DONE
    assert (build.stdout, build.stderr) == ("a\ufffdb?c", "?\ufffd")
    assert build.build_cmd == ["make", "A=\ufffd?"]


def test_endless_logs_are_cut_to_their_end(settings: Settings) -> None:
    settings.ASU_BUILD_LOG_KB = 16
    caller, lease = leased()

    caller.finish(lease, FILES, stdout="x" * 500_000 + "the end", stderr="y" * 500_000)

    build = Build.objects.get()
    assert (len(build.stdout), len(build.stderr)) == (16 * 1024, 16 * 1024)
    assert build.stdout.endswith("the end")


def test_a_level_of_the_sandbox_that_does_not_exist_is_not_shown() -> None:
    caller, lease = leased(sandbox="a fortress")

    assert caller.finish(lease, FILES).words["state"] == State.DONE


def test_a_build_that_was_never_leased_to_this_worker_cannot_be_finished() -> None:
    caller, lease = leased()
    other = approved(name="other")
    foreign = wanted()

    answers = [
        other.report(lease, {}),
        other.call("POST", "fail", {**of(lease), "reason": "crash"}),
        caller.report({"build": foreign.pk, "epoch": 0}, {}),
        caller.report({"build": foreign.pk, "epoch": 1}, {}),
        caller.report({"build": lease["build"], "epoch": 2}, {}),
    ]

    assert {said.short for said in answers} == {(409, "lease_lost")}
    assert Build.objects.get(pk=foreign.pk).state == State.QUEUED
    assert nothing_is_published()


def test_a_finish_after_the_lease_was_lost_publishes_nothing() -> None:
    caller, lease = leased()
    for number, (name, data) in enumerate(FILES.items()):
        caller.put(lease, number, data, name=name)
    in_the_past(Build.objects.get(), "lease_until", 1)
    newer = approved(name="newer").lease()
    assert newer is not None

    said = caller.report(lease, FILES)

    assert said.short == (409, "lease_lost")
    build = Build.objects.get()
    assert (build.state, build.epoch) == (State.BUILDING, newer["epoch"])
    assert nothing_is_published()


def test_a_lease_that_ran_out_but_was_given_to_nobody_may_still_be_finished() -> None:
    caller, lease = leased()
    in_the_past(Build.objects.get(), "lease_until", 1)

    assert caller.finish(lease, FILES).words["state"] == State.DONE


def test_a_build_that_was_cancelled_meanwhile_is_not_lost_when_it_is_done_already() -> None:
    caller, lease = leased()
    queue.cancel(Build.objects.get())

    assert caller.finish(lease, FILES).status == 200


def test_a_publication_that_breaks_leaves_the_build_to_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(**_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(build_finished, "receivers", list(build_finished.receivers))
    build_finished.connect(break_down, weak=False)
    build_finished.sender_receivers_cache.clear()
    caller, lease = leased()

    said = caller.finish(lease, FILES)

    assert said.status == 500
    assert "ZeroDivision" not in json.dumps(said.words)
    assert Build.objects.get().state == State.BUILDING
    assert not Image.objects.exists()
    assert Inbox(lease["build"], lease["epoch"]).path.exists()


@pytest.mark.parametrize("name", ["sha256sums", "profiles.json", "build.log", f"{IMAGE}.sig"])
def test_documents_that_the_server_makes_itself_are_not_taken_from_a_worker(name: str) -> None:
    caller, lease = leased()

    caller.finish(lease, {**FILES, name: b"from the worker"})

    place = Path(site.ASU_STORE_DIR) / lease["hash"] / name
    assert not place.exists() or place.read_bytes() != b"from the worker"


# -- failures ------------------------------------------------------------------------------------------------


def fail(caller: Caller, lease: dict[str, Any], **changes: Any) -> Any:
    return caller.call("POST", "fail", {**of(lease), "reason": "image_too_big", "sentence": "Too big.", **changes})


def test_a_mistake_of_the_user_is_final_at_once() -> None:
    approved(name="other")
    caller, lease = leased()

    said = fail(caller, lease, stdout="out\0", stderr="err", build_cmd=["make\0\ud800"])

    assert said.words == {"status": 200, "state": "failed", "reason": "image_too_big"}
    build = Build.objects.get()
    assert (build.sentence, build.stdout, build.stderr) == ("Too big.", "out\ufffd", "err")
    assert build.build_cmd == ["make\ufffd?"]


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        *each("reason", None, "", "no such", 1, [], {}, LONG, "\0"),
        *each("sentence", 1, None, ["x"], "x" * 2001),
        *each("stdout", 1, None, ["x"]),
        *each("build_cmd", "make", [1], [None]),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_failure_of_the_wrong_shape_is_refused(field: str, changes: dict[str, Any]) -> None:
    caller, lease = leased()

    said = fail(caller, lease, **changes)

    assert said.short == (400, "bad_request")
    assert said.words["detail"].startswith(field)
    assert len(said.words["detail"]) < 300
    assert Build.objects.get().state == State.BUILDING


def test_what_a_worker_says_to_people_cannot_turn_their_screen_around() -> None:
    caller, lease = leased()

    fail(caller, lease, sentence="It is\u202e too\0 big\ud800.\x1b[2J")

    assert Build.objects.get().sentence == "It is too big.[2J"


def test_revoking_a_worker_takes_its_build_to_another_one() -> None:
    caller, lease = leased()
    other = approved(name="other")

    workers.revoke(caller.row)

    assert other.lease() is not None
    assert caller.report(lease, {}).short == (403, "revoked")
