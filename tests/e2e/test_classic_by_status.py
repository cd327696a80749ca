"""POST /image-request of 2017, each row of its tables, through a real socket."""

import hashlib
from typing import Any

import pytest

from builders.models import Build
from builders.states import Phase, Reason
from images.models import Image, ImageRequest
from packages.models import Distribution, Target
from tests.e2e.classic import Classic, build_ends, build_fails, build_under_way, wish
from tests.images.factories import DEVICE, make_target
from tests.images.factories import wish as v1_wish
from tests.images.publications import DATA, FACTORY, SYSUPGRADE

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

PATH = "/image-request"
LACKS = "missing parameters - need distro version target subtarget board"


# the order of decisions


@pytest.mark.parametrize("name", ["distro", "version", "target", "subtarget", "board"])
@pytest.mark.parametrize("value", [None, ""])
def test_what_lacks_a_field_is_told_what_is_needed(classic: Classic, name: str, value: Any) -> None:
    answer = classic.ask(PATH, wish(**{name: value}))

    assert (answer.status, answer.json()) == (400, {"error": LACKS})
    assert not ImageRequest.objects.exists()


def test_a_missing_field_comes_before_all_else(classic: Classic) -> None:
    assert classic.ask(PATH, wish(distro="nobody", board=None)).json() == {"error": LACKS}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"distro": "Nobody"}, "unknown distribution Nobody"),
        ({"distro": "Nobody", "version": "1", "packages": ["none"]}, "unknown distribution Nobody"),
        ({"version": "17.01.9"}, "unknown release 17.01.9"),
        ({"version": "17.01.9", "target": "none", "board": "none"}, "unknown release 17.01.9"),
        ({"target": "ar71xx", "subtarget": "mikrotik"}, "unknown target ar71xx/mikrotik"),
        ({"target": "ar71xx", "board": "none", "packages": ["none"]}, "unknown target ar71xx/generic"),
        ({"board": "none", "model": "No Such"}, "unknown board: none/No Such"),
        ({"board": "none", "packages": ["none"]}, "unknown board: none/"),
        ({"packages": ["luci", "none", "nothing"]}, "could not find package none for requested target"),
        ({"packages": {"none": "1.0"}}, "could not find package none for requested target"),
    ],
)
def test_what_is_unknown_is_named_in_order(classic: Classic, changes: dict[str, Any], sentence: str) -> None:
    answer = classic.ask(PATH, wish(**changes))

    assert (answer.status, answer.json()) == (400, {"error": sentence})
    assert not ImageRequest.objects.exists()


def test_a_target_that_is_switched_off_is_not_supported(classic: Classic) -> None:
    make_target("ath79/nand", is_enabled=False)

    answer = classic.ask(PATH, wish(subtarget="nand"))

    assert (answer.status, answer.json()) == (400, {"error": "target currently not supported ath79/nand"})


def test_a_target_whose_documents_are_not_here_is_201_without_a_queue_and_sent_for(classic: Classic) -> None:
    from django_q.models import OrmQ

    make_target("ath79/tiny", is_complete=False)

    answer = classic.ask(PATH, wish(subtarget="tiny", board="none", packages=["none"]))

    assert (answer.status, answer.json()) == (201, {})
    assert any(row.func() == "images.tasks.prepare" for row in OrmQ.objects.all())


def test_what_a_target_says_once_it_is_here_is_said_in_the_words_of_then(classic: Classic) -> None:
    target = make_target("ath79/tiny", is_complete=False)
    bodies = [wish(subtarget="tiny", board="none"), wish(subtarget="tiny", packages=["none"])]
    assert [classic.ask(PATH, body).status for body in bodies] == [201, 201]
    arrive(target)

    answers = [classic.ask(PATH, body).json()["error"] for body in bodies]

    assert answers == ["unknown board: none/", "could not find package none for requested target"]


def arrive(target: Target) -> None:
    """Its documents came, and who waited for them is answered."""
    from django.utils import timezone

    from images.settling import prepare
    from tests.images.factories import PACKAGES, _fill

    Target.objects.filter(pk=target.pk).update(synced_at=timezone.now())
    _fill(target, (DEVICE,), PACKAGES)
    prepare(target.pk)


def test_an_unknown_network_profile_is_400(classic: Classic) -> None:
    answer = classic.ask(PATH, wish(network_profile="nobody/nothing"))

    assert answer.status == 400
    assert "network_profile" in answer.json()["error"]


def test_no_network_profile_is_an_empty_one(classic: Classic) -> None:
    assert classic.ask(PATH, wish(network_profile="")).status == 201


def test_who_waits_hears_the_place_in_the_queue(classic: Classic) -> None:
    first, second = classic.ask(PATH, wish()), classic.ask(PATH, wish(packages=["base-files", "vim"]))

    assert (first.status, first.json()) == (201, {"queue": 1})
    assert (second.status, second.json()) == (201, {"queue": 2})
    assert type(first.json()["queue"]) is int
    assert first.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("phase", [Phase.INIT, Phase.CALCULATE_PACKAGES_HASH, Phase.BUILDING_IMAGE])
def test_a_build_under_way_is_206(classic: Classic, phase: Phase) -> None:
    classic.ask(PATH, wish())
    build_under_way(phase)

    answer = classic.ask(PATH, wish())

    assert (answer.status, answer.json()) == (206, {})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("phase", [Phase.DOWNLOAD_IMAGEBUILDER, Phase.UNPACK_IMAGEBUILDER])
def test_an_imagebuilder_on_its_way_is_201_without_a_queue(classic: Classic, phase: Phase) -> None:
    classic.ask(PATH, wish())
    build_under_way(phase)

    answer = classic.ask(PATH, wish())

    assert (answer.status, answer.json()) == (201, {})


def test_an_image_is_there_with_all_that_clients_read(classic: Classic) -> None:
    classic.ask(PATH, wish())
    image = build_ends()

    answer = classic.ask(PATH, wish())

    body = answer.json()
    assert answer.status == 200
    assert body["url"] == body["sysupgrade"] == f"{classic.base}/download/{image.request.request_hash}/{SYSUPGRADE}"
    assert body["checksum"] == hashlib.md5(DATA[SYSUPGRADE]).hexdigest()
    assert body["filesize"] == len(DATA[SYSUPGRADE])
    assert type(body["filesize"]) is int
    assert body["files"] == f"{classic.base}/json/{image.request.request_hash}/"
    assert len(body["url"]) <= 255
    assert classic.fetch(body["url"]).body == DATA[SYSUPGRADE]


def test_an_image_that_was_withdrawn_is_refused(classic: Classic) -> None:
    classic.ask(PATH, wish())
    image = build_ends()
    from images import services

    services.withdraw(image, "It had a hole.")

    answer = classic.ask(PATH, wish())

    assert (answer.status, answer.json()) == (400, {"error": "This image was withdrawn. It had a hole."})


def test_an_image_that_expired_is_built_again(classic: Classic) -> None:
    classic.ask(PATH, wish())
    image = build_ends()
    from images import services

    services.expire(image)

    assert classic.ask(PATH, wish()).json() == {"queue": 1}


@pytest.mark.parametrize("reason", [Reason.IMAGE_TOO_BIG, Reason.ROOTFS_TOO_BIG])
def test_an_image_that_is_too_big_is_400_with_its_log(classic: Classic, reason: Reason) -> None:
    classic.ask(PATH, wish())
    build_fails(reason)

    answer = classic.ask(PATH, wish())

    body = answer.json()
    assert answer.status == 400
    assert body["error"] == "requested image is too big for requested target. retry with less packages"
    assert b"no space" in classic.get(body["log"]).body


@pytest.mark.parametrize("reason", [Reason.CRASH, Reason.PACKAGE_CONFLICT, Reason.MIRROR_UNREACHABLE, Reason.TIMEOUT])
def test_a_build_that_failed_is_500_with_its_log(classic: Classic, reason: Reason) -> None:
    classic.ask(PATH, wish())
    build_fails(reason, "The <b>build</b> & all failed.")

    answer = classic.ask(PATH, wish())

    body = answer.json()
    log = classic.get(body["log"])
    assert answer.status == 500
    assert body["error"] == "The (b)build(/b) + all failed."
    assert body["log"].startswith(f"{classic.base}/static/faillogs/")
    assert log.status == 200
    assert log.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert b"make: <b>oh</b> no" in log.body and b"no space" in log.body


def test_a_device_without_an_image_to_upgrade_with_is_500(classic: Classic) -> None:
    classic.ask(PATH, wish())
    build_ends({FACTORY: DATA[FACTORY]})

    answer = classic.ask(PATH, wish())

    assert answer.status == 500
    assert "none that can be installed" in answer.json()["error"]
    assert classic.get(answer.json()["log"]).status == 200


def test_too_many_new_images_are_an_overload(classic: Classic) -> None:
    stranger = {"X-Forwarded-For": "203.0.113.7"}
    first = classic.ask(PATH, wish(), **stranger)

    answer = classic.ask(PATH, wish(packages=["base-files", "vim"]), **stranger)

    assert (first.status, answer.status) == (201, 503)
    assert "Too many requests" in answer.json()["error"]
    assert classic.ask(PATH, wish(), **stranger).status == 201, "what is known is answered all the same"


# what clients send


@pytest.mark.parametrize("path", ["//image-request", "/build-request", "/files-request", "//build-request"])
def test_other_spellings_of_the_address_mean_the_same(classic: Classic, path: str) -> None:
    classic.ask(PATH, wish())

    assert classic.ask(path, wish()).json() == {"queue": 1}
    assert Build.objects.count() == 1


@pytest.mark.parametrize("path", ["/build-request", "/files-request"])
def test_a_build_request_takes_whatever_image_there_is(classic: Classic, path: str) -> None:
    classic.ask(path, wish())
    build_ends({FACTORY: DATA[FACTORY]})

    body = classic.ask(path, wish()).json()

    assert body["filesize"] == len(DATA[FACTORY])
    assert body["files"].endswith("/")


@pytest.mark.parametrize("distro", ["openwrt", "OPENWRT", "OpenWrt", "wrt", "WRT"])
@pytest.mark.parametrize("version", ["SNAPSHOT", "snapshot"])
def test_names_are_the_same_in_upper_and_lower_case_and_by_alias(classic: Classic, distro: str, version: str) -> None:
    make_target(version="SNAPSHOT")
    Distribution.objects.update(aliases=["wrt"])

    answer = classic.ask(PATH, wish(distro=distro, version=version))

    assert answer.json() == {"queue": 1}
    assert ImageRequest.objects.get().version == "SNAPSHOT"


@pytest.mark.parametrize(
    "packages",
    [
        ["luci", "base-files", "luci"],
        {"base-files": "173-r3205", "luci": "git-17.152"},
        {"luci": None, "base-files": 5},
        [" base-files", "luci\n", ""],
        ["kernel", "libc", "base-files", "luci"],
    ],
)
def test_packages_are_a_set_of_names_however_they_come(classic: Classic, packages: Any) -> None:
    classic.ask(PATH, wish())

    assert classic.ask(PATH, wish(packages=packages)).json() == {"queue": 1}
    assert Build.objects.count() == 1


def test_packages_are_all_that_the_image_holds_and_without_them_it_holds_the_defaults(classic: Classic) -> None:
    classic.ask(PATH, wish(packages=["base-files", "luci"]))
    classic.ask(PATH, wish(packages=None))

    listed, defaults = [build.spec["packages"] for build in Build.objects.order_by("pk")]

    assert "luci" in listed and "-dropbear" in listed and "-base-files" not in listed
    assert defaults == []


@pytest.mark.parametrize(
    ("board", "model"),
    [
        ("tplink_archer-c7-v2", None),
        ("tplink,archer-c7-v2", None),
        ("archer-c7-v2", "something else"),
        ("unheard-of", "TP-Link Archer C7 v2"),
        ("unheard-of", "  tp-link  archer c7 V2 "),
        ("not a name \u00ae <b>", "TP-Link Archer C7 v2"),
    ],
)
def test_the_device_is_found_by_board_and_then_by_model(classic: Classic, board: str, model: str | None) -> None:
    assert classic.ask(PATH, wish(board=board, model=model)).status == 201

    assert ImageRequest.objects.get().profile == "tplink_archer-c7-v2"


@pytest.mark.parametrize("generic", ["Generic", "generic"])
@pytest.mark.parametrize("board", ["foobar", "Generic", "To be filled by O.E.M. \u00ae"])
def test_any_board_is_generic_where_there_is_such_a_profile(classic: Classic, generic: str, board: str) -> None:
    other = {**DEVICE, "name": "geode", "supported_devices": []}
    make_target("x86/geode", profiles=({**DEVICE, "name": generic, "supported_devices": []}, other))

    classic.ask(PATH, wish(target="x86", subtarget="geode", board=board, model="TP-Link Archer C7 v2"))

    assert ImageRequest.objects.get().profile == generic


def test_a_model_that_two_devices_have_is_none(classic: Classic) -> None:
    twin = {**DEVICE, "name": "other", "supported_devices": []}
    make_target("ath79/nand", profiles=(DEVICE, twin))

    answer = classic.ask(PATH, wish(subtarget="nand", board="unheard-of", model="TP-Link Archer C7 v2"))

    assert answer.json() == {"error": "unknown board: unheard-of/TP-Link Archer C7 v2"}


def test_below_a_distribution_it_need_not_be_named(classic: Classic) -> None:
    assert classic.ask(f"/openwrt{PATH}", wish(distro=None)).json() == {"queue": 1}
    assert classic.ask(f"/openwrt{PATH}", wish(distro="OPENWRT")).json() == {"queue": 1}


def test_below_a_distribution_another_is_refused(classic: Classic) -> None:
    make_target(distribution="lede")

    answer = classic.ask(f"/lede{PATH}", wish())

    assert (answer.status, answer.json()) == (400, {"error": "distro: openwrt is not lede, which this address is for."})


def test_a_query_string_and_a_type_do_not_matter(classic: Classic) -> None:
    answers = [
        classic.ask(f"{PATH}?1795424362881", wish()),
        classic.ask(PATH, wish(), **{"Content-Type": "application/x-www-form-urlencoded"}),
        classic.ask(PATH, wish(), **{"Content-Type": "text/json"}),
    ]

    assert [answer.json() for answer in answers] == [{"queue": 1}] * 3


# one store of builds


def test_a_classic_and_a_v1_request_of_equal_content_share_one_image(classic: Classic) -> None:
    classic.ask(PATH, wish(packages=["base-files", "luci"]))
    ours = v1_wish(packages=["luci", "base-files"], diff_packages=True)

    waiting = classic.web.post("/api/v1/build", ours)
    image = build_ends()
    ready = classic.web.post("/api/v1/build", ours)

    assert waiting.status == 202
    assert ready.json()["request_hash"] == image.request.request_hash
    assert classic.ask(PATH, wish()).json()["url"].split("/")[4] == image.request.request_hash
    assert Image.objects.count() == Build.objects.count() == 1


def test_old_images_have_their_md5_computed_once(classic: Classic) -> None:
    classic.ask(PATH, wish())
    image = build_ends()
    assert image.files.get(name=SYSUPGRADE).md5 == ""

    classic.ask(PATH, wish())
    sums = {file.name: file.md5 for file in image.files.all()}
    image.files.update(md5="f" * 32)

    assert sums[SYSUPGRADE] == hashlib.md5(DATA[SYSUPGRADE]).hexdigest()
    assert sums[FACTORY] == ""
    assert classic.ask(PATH, wish()).json()["checksum"] == "f" * 32
