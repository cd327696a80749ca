"""The protocol of 2017-11 to 2020: 202 with headers, and a hash to ask by; each row, through a real socket."""

import hashlib
from typing import Any

import pytest

from builders import queue
from builders.models import Build
from builders.states import Phase, Reason
from images import services
from images.models import ImageRequest
from tests.e2e.classic import Classic, build_ends, build_fails, build_under_way, later_wish, wish
from tests.e2e.web import Answer
from tests.factories import in_the_past
from tests.images.factories import make_target
from tests.images.publications import DATA, FACTORY, SYSUPGRADE

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

UPGRADE = "/api/upgrade-request"
BUILD = "/api/build-request"
BOTH = pytest.mark.parametrize("path", [UPGRADE, BUILD])
FORMS = pytest.mark.parametrize("body", [wish(), later_wish()], ids=["two fields", "one field"])


def poll(classic: Classic, path: str, answer: Answer) -> Answer:
    return classic.get(f"{path}/{answer.json()['request_hash']}")


# 202


@BOTH
@FORMS
def test_who_waits_hears_the_place_in_the_queue_and_a_hash(classic: Classic, path: str, body: dict[str, Any]) -> None:
    answer = classic.ask(path, body)

    assert answer.status == 202
    assert set(answer.json()) == {"request_hash"}
    assert answer.headers["X-Imagebuilder-Status"] == "queue"
    assert answer.headers["X-Build-Queue-Position"] == "1"
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert all(name in exposed for name in ("X-Imagebuilder-Status", "X-Build-Queue-Position", "X-Unknown-Package"))


@BOTH
def test_a_poll_hears_of_the_place_in_the_queue_only_when_it_moves(classic: Classic, path: str) -> None:
    first = classic.ask(path, wish(packages=["base-files", "vim"]))
    asked = classic.ask(path, wish())
    # Each of the two processes of the server tells it once.
    told = [poll(classic, path, asked).headers["X-Build-Queue-Position"] for _ in range(40)]
    build_under_way()

    moved = [poll(classic, path, asked).headers["X-Build-Queue-Position"] for _ in range(40)]

    assert first.headers["X-Build-Queue-Position"] == "1"
    assert [place for place in told if place] in (["2"], ["2", "2"])
    assert [place for place in moved if place] in (["1"], ["1", "1"])


def test_who_repeats_the_request_hears_of_the_place_each_time(classic: Classic) -> None:
    answers = [classic.ask(UPGRADE, wish()) for _ in range(4)]

    assert [answer.headers["X-Build-Queue-Position"] for answer in answers] == ["1"] * 4


@BOTH
@pytest.mark.parametrize(
    ("phase", "word"),
    [
        (Phase.INIT, "building"),
        (Phase.DOWNLOAD_IMAGEBUILDER, "initialize"),
        (Phase.UNPACK_IMAGEBUILDER, "initialize"),
        (Phase.CALCULATE_PACKAGES_HASH, "building"),
        (Phase.BUILDING_IMAGE, "building"),
    ],
)
def test_a_build_under_way_has_one_of_two_words(classic: Classic, path: str, phase: Phase, word: str) -> None:
    asked = classic.ask(path, wish())
    build_under_way(phase)

    for answer in (classic.ask(path, wish()), poll(classic, path, asked)):
        assert answer.status == 202
        assert answer.json() == asked.json()
        assert answer.headers["X-Imagebuilder-Status"] == word
        assert "X-Build-Queue-Position" not in answer.headers


@BOTH
def test_a_target_whose_documents_are_not_here_is_initialized(classic: Classic, path: str) -> None:
    make_target("ath79/tiny", is_complete=False)

    asked = classic.ask(path, wish(subtarget="tiny"))

    for answer in (asked, poll(classic, path, asked)):
        assert answer.status == 202
        assert answer.headers["X-Imagebuilder-Status"] == "initialize"
        assert answer.json() == asked.json()


# 200


def test_a_client_of_two_fields_gets_whole_addresses(classic: Classic) -> None:
    asked = classic.ask(UPGRADE, wish())
    image = build_ends()

    for answer in (classic.ask(UPGRADE, wish()), poll(classic, UPGRADE, asked)):
        body = answer.json()
        assert answer.status == 200
        assert body["sysupgrade"] == f"{classic.base}/download/{image.request.request_hash}/{SYSUPGRADE}"
        assert body["files"] == f"{classic.base}/json/{image.request.request_hash}/"
        assert body["log"].startswith(classic.base)
        assert body["checksum"] == hashlib.md5(DATA[SYSUPGRADE]).hexdigest()
        assert body["filesize"] == len(DATA[SYSUPGRADE])
        assert body["image_hash"] == image.request.request_hash
        assert body["request_hash"] == asked.json()["request_hash"]
        assert classic.fetch(body["sysupgrade"]).body == DATA[SYSUPGRADE]
        assert classic.fetch(body["sysupgrade"] + ".log").status == 200
        assert classic.get(body["log"]).headers["Content-Type"].startswith("text/plain")
        assert {entry["name"] for entry in classic.get(body["files"]).json()} >= set(DATA)


def test_a_client_of_one_field_gets_paths_and_names(classic: Classic) -> None:
    asked = classic.ask(UPGRADE, later_wish())
    image = build_ends()

    for answer in (classic.ask(UPGRADE, later_wish()), poll(classic, UPGRADE, asked)):
        body = answer.json()
        assert answer.status == 200
        assert body["sysupgrade"] == SYSUPGRADE
        assert body["files"] == f"/json/{image.request.request_hash}/"
        assert body["log"] == f"/json/{image.request.request_hash}/build.log"
        assert body["request_hash"] == asked.json()["request_hash"]
        # As auc, LuCI and chef put them together.
        for address in (f"//{body['files']}//{body['sysupgrade']}", f"{body['files']}{body['sysupgrade']}"):
            assert classic.get(address).body == DATA[SYSUPGRADE]
        assert classic.get(body["log"]).status == 200
        assert classic.get(body["files"]).status == 200


def test_two_clients_of_different_form_share_a_build_and_neither_gets_the_others_form(classic: Classic) -> None:
    earlier, later = classic.ask(UPGRADE, wish()), classic.ask(UPGRADE, later_wish())
    build_ends()

    answers = [poll(classic, UPGRADE, earlier), poll(classic, UPGRADE, later)]

    assert Build.objects.count() == 1
    assert [answer.json()["files"].startswith("http") for answer in answers] == [True, False]
    assert [answer.json()["request_hash"] for answer in answers] == [
        earlier.json()["request_hash"],
        later.json()["request_hash"],
    ]


def test_below_a_distribution_paths_lead_to_the_same(classic: Classic) -> None:
    asked = classic.ask(f"/openwrt{UPGRADE}", later_wish(distro=None))
    build_ends()
    body = poll(classic, f"/openwrt{UPGRADE}", asked).json()

    assert classic.get(f"/openwrt{body['files']}{body['sysupgrade']}").body == DATA[SYSUPGRADE]
    assert classic.get(f"/openwrt/{body['log']}").status == 200


def test_a_device_without_an_image_to_upgrade_with_has_files_all_the_same(classic: Classic) -> None:
    asked = classic.ask(BUILD, wish())
    build_ends({FACTORY: DATA[FACTORY]})

    upgrade, files = poll(classic, UPGRADE, asked), poll(classic, BUILD, asked)

    assert upgrade.status == 501
    assert upgrade.json()["error"]
    assert files.status == 200
    assert "sysupgrade" not in files.json()
    assert [e["name"] for e in classic.get(files.json()["files"]).json() if "factory" in e["name"]] == [FACTORY]


# what is wrong


@BOTH
@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"distro": "nobody"}, 412, "unknown distribution nobody"),
        ({"version": "17.01.9"}, 412, "unknown release 17.01.9"),
        ({"target": "ar71xx"}, 412, "unknown target ar71xx/generic"),
        ({"board": "none", "model": "No Such"}, 412, "unknown board: none/No Such"),
        ({"packages": ["luci", "none", "nothing"]}, 422, "could not find package none for requested target"),
        ({"packages": "luci"}, 400, "packages: 'luci' is not a list of package names."),
        ({"packages": ["luci", "-luci"]}, 400, "packages: both luci and -luci are asked for; leave one out."),
        ({"packages": ["-busybox"]}, 400, "packages: -busybox cannot be removed: "),
        ({"model": 5}, 400, "model: 5 is not the name of a device."),
        ({"defaults": "x" * 30_000}, 400, "defaults: 30000 bytes are too many"),
        ({"network_profile": "nobody/nothing"}, 400, "network_profile"),
    ],
)
def test_what_is_wrong_is_said(
    classic: Classic, path: str, changes: dict[str, Any], status: int, sentence: str
) -> None:
    answer = classic.ask(path, wish(**changes))

    assert answer.status == status
    assert sentence in answer.json()["error"]
    assert not ImageRequest.objects.exists()


@BOTH
def test_unknown_packages_are_named_in_the_header(classic: Classic, path: str) -> None:
    answer = classic.ask(path, wish(packages=["luci", "none", "nothing"]))

    assert answer.headers["X-Unknown-Package"] == "none, nothing"


@BOTH
@pytest.mark.parametrize("name", ["distro", "target", "subtarget", "board"])
def test_what_lacks_a_field_is_412_and_the_header_names_it(classic: Classic, path: str, name: str) -> None:
    answer = classic.ask(path, wish(**{name: None}))

    assert answer.status == 412
    assert answer.headers["X-Missing-Param"] == name
    assert "X-Missing-Param" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.json()["error"].startswith("missing parameters - need ")


def test_a_build_needs_a_version(classic: Classic) -> None:
    answer = classic.ask(BUILD, wish(version=None))

    assert (answer.status, answer.headers["X-Missing-Param"]) == (412, "version")


def test_auc_of_2018_forgets_the_version_that_it_was_told_and_gets_the_newest(classic: Classic) -> None:
    make_target(version="24.10.3")
    make_target(version="25.12.0-rc1")
    make_target("x86/64", version="25.12.0")

    assert classic.ask(UPGRADE, wish(version=None)).status == 202
    assert ImageRequest.objects.get().version == "24.10.3"


@pytest.mark.parametrize("name", ["board", "board_name", "profile"])
def test_the_device_has_three_names(classic: Classic, name: str) -> None:
    assert classic.ask(UPGRADE, later_wish(board=None) | {name: "archer-c7-v2"}).status == 202


@BOTH
@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.IMAGE_TOO_BIG, 413),
        (Reason.ROOTFS_TOO_BIG, 413),
        (Reason.PACKAGE_CONFLICT, 409),
        (Reason.FILE_CLASH, 409),
        (Reason.CRASH, 500),
        (Reason.SCRIPT_FAILED, 500),
    ],
)
def test_a_failure_has_its_status_and_its_log(classic: Classic, path: str, reason: Reason, status: int) -> None:
    earlier, later = classic.ask(path, wish()), classic.ask(path, later_wish())
    build_fails(reason)

    answers = [poll(classic, path, earlier), classic.ask(path, wish()), poll(classic, path, later)]

    assert [answer.status for answer in answers] == [status] * 3
    assert [answer.json()["log"].startswith(classic.base) for answer in answers] == [True, True, False]
    for answer in answers:
        assert answer.json()["error"]
        assert b"no space" in classic.get(answer.json()["log"]).body


def test_an_imagebuilder_that_made_no_image_is_501_for_an_upgrade(classic: Classic) -> None:
    asked = classic.ask(UPGRADE, wish())
    build_fails(Reason.NO_IMAGE)

    assert poll(classic, UPGRADE, asked).status == 501
    assert poll(classic, BUILD, asked).status == 500


def test_too_many_new_images_are_an_overload(classic: Classic) -> None:
    stranger = {"X-Forwarded-For": "203.0.113.8"}
    classic.ask(UPGRADE, wish(), **stranger)

    answer = classic.ask(UPGRADE, wish(packages=["base-files", "vim"]), **stranger)

    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert "Too many requests" in answer.json()["error"]


@BOTH
@pytest.mark.parametrize(
    "known", ["0" * 64, "0" * 64 + "-st", "x", "0" * 63, "A" * 64, "0" * 65, "0" * 5000, "..", "%00"]
)
def test_an_unknown_hash_is_404_with_an_empty_object(classic: Classic, path: str, known: str) -> None:
    answer = classic.get(f"{path}/{known}")

    assert answer.status == 404
    assert isinstance(answer.json(), dict)
    if known != "%00":
        assert answer.json() == {}


def test_what_nobody_waited_for_or_has_expired_is_404_and_may_be_asked_for_anew(classic: Classic) -> None:
    asked = classic.ask(UPGRADE, wish())
    in_the_past(Build.objects.get(), "polled_at", 3600)
    queue.drop_unwanted()
    dropped = poll(classic, UPGRADE, asked)
    again = classic.ask(UPGRADE, wish())
    services.expire(build_ends())

    assert (dropped.status, dropped.json()) == (404, {})
    assert (again.status, again.json()) == (202, asked.json())
    assert poll(classic, UPGRADE, asked).json() == {}
    assert classic.ask(UPGRADE, wish()).json() == asked.json()


def test_an_image_that_was_withdrawn_is_refused(classic: Classic) -> None:
    asked = classic.ask(UPGRADE, wish())
    services.withdraw(build_ends(), "It had a hole.")

    answer = poll(classic, UPGRADE, asked)

    assert (answer.status, answer.json()) == (400, {"error": "This image was withdrawn. It had a hole."})


def test_builds_of_all_generations_are_one(classic: Classic) -> None:
    classic.ask("/image-request", wish())
    asked = classic.ask(UPGRADE, wish())
    classic.ask(BUILD, later_wish())

    v1 = classic.get(f"/api/v1/build/{asked.json()['request_hash'][:64]}")

    assert Build.objects.count() == 1
    assert v1.json()["detail"] == "queued"


def test_another_distribution_is_found_by_its_hash_below_the_root(classic: Classic) -> None:
    make_target(distribution="lede")
    asked = classic.ask(UPGRADE, wish(distro="LEDE"))

    assert poll(classic, UPGRADE, asked).status == 202
    assert poll(classic, f"/lede{UPGRADE}", asked).status == 202
    assert poll(classic, f"/openwrt{UPGRADE}", asked).status == 404
