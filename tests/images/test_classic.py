"""The classic API by Django's client: what needs no socket, and settings that a running server does not change."""

import hashlib
import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from asu_site.addresses import is_api, is_page
from builders.models import Build
from images import checksums, fingerprint, storage
from images.api.classic import folders
from images.models import Image, ImageRequest
from packages.models import Channel, Distribution, Profile, Target
from tests.e2e.classic import later_wish, wish
from tests.images.factories import DEVICE, make_target
from tests.images.factories import wish as v1_wish
from tests.images.publications import DATA, SYSUPGRADE, publish, published

pytestmark = pytest.mark.django_db

LONG = f"demo-{'long-' * 40}squashfs-sysupgrade.bin"


@pytest.fixture(autouse=True)
def target() -> None:
    make_target()


def post(client: Client, path: str, body: dict[str, Any], **environ: str) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json", headers=environ)


# builds are shared


@pytest.mark.parametrize("path", ["/image-request", "/api/upgrade-request", "/api/build-request"])
@pytest.mark.parametrize("packages", [["base-files", "luci"], None])
def test_a_v1_request_of_equal_content_is_the_same_build(client: Client, path: str, packages: list[str] | None) -> None:
    post(client, path, wish(packages=packages))
    body = v1_wish(packages=packages or [], diff_packages=packages is not None)

    answer = post(client, "/api/v1/build", body)

    assert answer.json()["detail"] == "queued"
    assert Build.objects.count() == 1


def test_a_script_and_a_network_profile_make_another_image(client: Client) -> None:
    hashes = {
        post(client, "/api/build-request", body).json()["request_hash"]
        for body in (later_wish(), later_wish(defaults=""), later_wish(defaults="echo hi"))
    }

    assert len(hashes) == 2


def test_a_request_that_waits_keeps_what_it_needs_to_find_its_device(client: Client, settings: Settings) -> None:
    settings.ASU_PREPARE_WAIT = 0
    make_target("ath79/tiny", is_complete=False)
    body = wish(subtarget="tiny", board="unheard-of \u00ae", model="TP-Link Archer C7 v2")

    post(client, "/image-request", body)

    request = ImageRequest.objects.get()
    asked = fingerprint.from_unchecked(request.canonical, request.echo)
    assert (asked.is_classic, asked.profile, asked.model) == (True, "", "TP-Link Archer C7 v2")


def test_waiting_requests_of_today_have_the_hash_that_they_had(client: Client, settings: Settings) -> None:
    settings.ASU_PREPARE_WAIT = 0
    make_target("ath79/tiny", is_complete=False)

    post(client, "/api/v1/build", v1_wish(target="ath79/tiny"))

    assert "classic" not in ImageRequest.objects.get().canonical


# auc of the first weeks


def test_the_first_auc_is_answered_in_statuses_at_the_later_addresses(client: Client) -> None:
    first = post(client, "/api/upgrade-request", wish(), **{"User-Agent": "auc"})
    later = post(client, "/api/upgrade-request", wish(), **{"User-Agent": "auc (0.0.4)"})

    assert (first.status_code, first.json()) == (201, {"queue": 1})
    assert later.status_code == 202


def test_the_first_auc_is_told_what_is_wrong_in_its_way(client: Client) -> None:
    answer = post(client, "/api/upgrade-request", wish(board="none"), **{"User-Agent": "auc"})

    assert (answer.status_code, answer.json()) == (400, {"error": "unknown board: none/"})


def test_the_first_auc_waits_for_documents_by_201(client: Client, settings: Settings) -> None:
    settings.ASU_PREPARE_WAIT = 0
    make_target(version="24.10.3", is_complete=False)
    body = {"distro": "openwrt", "version": "24.10.2", "target": "ath79", "subtarget": "generic"}

    assert post(client, "/api/upgrade-check", body, **{"User-Agent": "auc"}).status_code == 201


# which file is for an upgrade


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["x-squashfs-factory.bin", "x-squashfs-sysupgrade.bin"], "x-squashfs-sysupgrade.bin"),
        (["x-combined-efi.img", "x-combined.img", "x-rootfs.img"], "x-combined.img"),
        (["x-combined-efi.img", "x-rootfs.img"], "x-combined-efi.img"),
        (["x-sdcard.img", "x-kernel.bin"], "x-sdcard.img"),
        (["x-kernel.bin", "x-rootfs.img", "x-factory.bin"], None),
    ],
)
def test_only_what_a_running_system_can_be_upgraded_with_is_offered(
    client: Client, names: list[str], wanted: str | None
) -> None:
    image = published(client)
    image.files.all().delete()
    for name in names:
        kind = name.split("-", 1)[1].rpartition(".")[0].removeprefix("squashfs-")
        image.files.create(name=name, type=kind, filesystem="squashfs", size=1, sha256="0" * 64)

    found = folders.flashable(Image.objects.get())

    assert (found.name if found else None) == wanted


def test_the_root_file_system_that_somebody_else_asked_for_is_not_what_others_flash(client: Client) -> None:
    kinds = [{"type": "combined", "filesystem": name, "name": f"x-{name}"} for name in ("squashfs", "ext4")]
    Profile.objects.update(images=kinds)
    Target.objects.update(state_hash="2f" * 32)
    image = published(client, filesystem="ext4")
    image.files.create(name="x-ext4.bin", type="sysupgrade", filesystem="ext4", size=1, sha256="0" * 64)
    assert image.request.echo["filesystem"] == "ext4"

    found = folders.flashable(Image.objects.get())

    assert found is not None
    assert found.filesystem == "squashfs"


def test_whoever_waited_for_a_sum_takes_the_one_that_was_computed_meanwhile(client: Client) -> None:
    image = published(client)
    first, other = (image.files.get(name=SYSUPGRADE) for _ in range(2))

    found = checksums.md5_of(first)
    (storage.folder(image.request.request_hash) / SYSUPGRADE).unlink()

    assert checksums.md5_of(other) == found == hashlib.md5(DATA[SYSUPGRADE]).hexdigest()


# addresses


@pytest.mark.parametrize("base", ["http://a", f"https://{'very-' * 20}long.example.org"])
@pytest.mark.parametrize("name", [SYSUPGRADE, LONG])
def test_no_address_of_an_image_is_longer_than_auc_can_hold(client: Client, base: str, name: str) -> None:
    client.post("/api/v1/build", json.dumps(v1_wish()), content_type="application/json")
    image = publish(ImageRequest.objects.get(), {name: DATA[SYSUPGRADE]})
    request_hash = image.request.request_hash

    for address in (
        folders.download(base, request_hash, name),
        f"{base}/{folders.folder(request_hash)}/{folders.name_below(base, request_hash, name)}",
    ):
        found = folders.find(image, address.rpartition("/")[2])
        assert len(address) <= 255
        assert found is not None and found.file is not None and found.file.name == name


@pytest.mark.parametrize("below", ["", "/openwrt"])
def test_files_of_images_are_for_programs_and_what_pages_are_made_of_is_not(below: str) -> None:
    for rest in ("x.bin", "x", "..", "a/b\n"):
        assert is_api(f"{below}/static/{'0' * 64}/{rest}")
        assert not is_page(f"{below}/static/{'0' * 64}/{rest}")
    assert is_api("/static/faillogs/x.log")
    assert is_page("/static/site.css") and not is_api("/static/site.css")


def test_behind_a_web_server_that_sends_the_files_a_download_is_counted_once(
    client: Client, settings: Settings
) -> None:
    settings.ASU_X_ACCEL_PREFIX = "/protected-store"
    image = published(client)
    place = f"{image.request.request_hash}/{SYSUPGRADE}"

    first = client.get(f"/download/{place}")
    file = client.get(first["Location"].removeprefix("http://testserver"))

    assert file["X-Accel-Redirect"] == f"/protected-store/{place}"
    assert image.files.get(name=SYSUPGRADE).downloads == 1


def test_a_log_behind_a_web_server_is_still_a_text(client: Client, settings: Settings) -> None:
    settings.ASU_X_ACCEL_PREFIX = "/protected-store"
    image = published(client)

    log = client.get(f"/static/{image.request.request_hash}/{SYSUPGRADE}.log")

    assert log["X-Accel-Redirect"].endswith("/build.log")
    assert log["Content-Type"] == "text/plain; charset=utf-8"


def test_addresses_are_those_of_the_setting(client: Client, settings: Settings) -> None:
    settings.ASU_BASE_URL = "https://asu.example.org"
    post(client, "/image-request", wish())
    publish(ImageRequest.objects.get())

    body = post(client, "/image-request", wish()).json()

    assert body["url"].startswith("https://asu.example.org/download/")
    assert body["files"].startswith("https://asu.example.org/json/")
    lead = client.get(body["url"].removeprefix("https://asu.example.org"))
    assert lead["Location"].startswith("https://asu.example.org/static/")


# LuCI of 2020


def luci(client: Client, /, **changes: Any) -> Any:
    """It sends no target."""
    return post(client, "/api/build", v1_wish(target=None, **changes))


@pytest.mark.parametrize("board", ["tplink,archer-c7-v2", "tplink_archer-c7-v2", "archer-c7-v2"])
@pytest.mark.parametrize("packages", [["luci"], {"luci": "25.191.67434~f5fd9bb"}])
def test_luci_of_2020_need_not_name_the_target(client: Client, board: str, packages: Any) -> None:
    make_target("x86/64", profiles=({**DEVICE, "name": "generic", "supported_devices": []},))

    answer = luci(client, profile=board, packages=packages)

    assert answer.status_code == 202
    assert answer.json()["request"]["target"] == "ath79/generic"
    assert answer.json()["request_hash"] == post(client, "/api/v1/build", v1_wish()).json()["request_hash"]


def test_a_device_of_two_targets_must_say_which(client: Client) -> None:
    make_target("ath79/nand")

    answer = luci(client)

    assert answer.status_code == 400
    assert answer.json()["message"] == answer.json()["detail"]
    assert "ath79/generic, ath79/nand" in answer.json()["detail"]


@pytest.mark.parametrize("model", [Distribution, Channel])
def test_what_is_not_on_offer_is_no_place_to_look_for_a_device(client: Client, model: Any) -> None:
    make_target("ath79/nand")
    model.objects.update(is_enabled=False)

    answer = luci(client)

    assert answer.status_code == 400
    assert "ath79" not in answer.json()["detail"]


def test_a_device_that_nobody_knows_must_say_which(client: Client) -> None:
    answer = luci(client, profile="unheard-of")

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("target: missing, and which one has unheard-of is not known")


def test_a_target_that_is_known_by_name_only_is_found_by_other_releases(client: Client, settings: Settings) -> None:
    settings.ASU_PREPARE_WAIT = 0
    make_target(version="24.10.3", is_complete=False)

    answer = luci(client, version="24.10.3")

    assert answer.status_code == 202
    assert answer.json()["request"]["target"] == "ath79/generic"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": None}, "version"),
        ({"version": 5}, "version"),
        ({"profile": None}, "profile"),
        ({"profile": "$"}, "profile"),
    ],
)
def test_what_else_is_wrong_is_said_as_always(client: Client, changes: dict[str, Any], field: str) -> None:
    answer = luci(client, **changes)

    assert answer.status_code == 400
    assert field in answer.json()["detail"]


# titles


@pytest.mark.parametrize("titles", [[], [{}], [{"title": ""}], [{"vendor": "", "model": ""}]])
def test_a_device_without_a_title_is_nobodys_model(client: Client, titles: list[dict[str, str]]) -> None:
    Profile.objects.update(titles=titles, supported_devices=[])
    from packages import catalogue

    catalogue.forget()

    for model in ("", " ", "tplink_archer-c7-v2"):
        assert post(client, "/image-request", wish(board="x", model=model)).status_code == 400


def test_a_failed_builds_list_says_when_it_is_empty_and_searches_in_itself(client: Client) -> None:
    page = client.get("/images/?state=failed").content.decode()

    assert "No build failed." in page
    assert '<input type="hidden" name="state" value="failed">' in page
    assert 'type="hidden"' not in client.get('/images/?state="><script>').content.decode()
