"""The folders of images: downloads that are counted, lists, logs, signatures and sums, through a real socket."""

import hashlib
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from django.conf import settings

from builders.states import Reason
from images import services
from images.api.classic import folders
from images.models import Image, ImageFile
from packages.signatures import UsignKey, verify_usign
from tests.builders.processes import until
from tests.e2e.classic import Classic, build_ends, build_fails, wish
from tests.images.factories import make_target
from tests.images.publications import DATA, FACTORY, SYSUPGRADE

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

LONG = f"demo-{'long-' * 40}squashfs-sysupgrade.bin"


@pytest.fixture
def image(classic: Classic) -> Image:
    classic.ask("/image-request", wish())
    return build_ends()


def at(front: str, image: Image, name: str = "") -> str:
    return f"/{front}/{image.request.request_hash}/{name}"


def downloads(image: Image) -> dict[str, int]:
    return {file.name: file.downloads for file in ImageFile.objects.filter(image=image) if file.downloads}


def test_a_download_is_counted_once_and_leads_to_the_file(classic: Classic, image: Image) -> None:
    first = classic.get(at("download", image, SYSUPGRADE))
    file = classic.get(first.headers["Location"])

    assert first.status == 302
    assert first.headers["Location"] == f"{classic.base}{at('static', image, SYSUPGRADE)}"
    assert file.status == 200
    assert file.body == DATA[SYSUPGRADE]
    assert int(file.headers["Content-Length"]) == len(file.body)
    assert file.headers["Content-Type"] == "application/octet-stream"
    assert "Content-Encoding" not in file.headers
    assert downloads(image) == {SYSUPGRADE: 1}


def test_what_is_no_download_is_not_counted(classic: Classic, image: Image) -> None:
    for name in (SYSUPGRADE, f"{SYSUPGRADE}.log", "sha256sums", "profiles.json"):
        assert classic.web.call("HEAD", at("download", image, name)).status == 302
        assert classic.get(at("static", image, name)).status == 200
    for name in (f"{SYSUPGRADE}.log", f"{SYSUPGRADE}.sig", "sha256sums"):
        assert classic.get(at("download", image, name)).status == 302

    assert downloads(image) == {}


def test_the_store_counts_as_it_did(classic: Classic, image: Image) -> None:
    classic.get(at("store", image, SYSUPGRADE))
    classic.get(at("json", image, SYSUPGRADE))

    # Counted when all has been sent, which the client has by then.
    until(lambda: downloads(image) == {SYSUPGRADE: 2})
    assert downloads(image) == {SYSUPGRADE: 2}


def test_query_strings_and_slashes_do_not_matter(classic: Classic, image: Image) -> None:
    assert classic.fetch(at("/download", image, f"/{SYSUPGRADE}?1795424387585")).body == DATA[SYSUPGRADE]
    assert downloads(image) == {SYSUPGRADE: 1}


def test_below_a_distribution_are_its_own_images(classic: Classic, image: Image) -> None:
    make_target(distribution="lede")

    assert classic.fetch(f"/openwrt{at('download', image, SYSUPGRADE)}").status == 200
    for front in ("download", "static", "json"):
        assert classic.fetch(f"/lede{at(front, image, SYSUPGRADE)}").status == 404


def test_a_part_of_a_file_can_be_had(classic: Classic, image: Image) -> None:
    part = classic.get(at("static", image, SYSUPGRADE), Range="bytes=7-13")

    assert (part.status, part.body) == (206, b"upgrade")


def test_beside_each_image_is_its_log(classic: Classic, image: Image) -> None:
    for name in (SYSUPGRADE, FACTORY):
        log = classic.fetch(at("download", image, f"{name}.log"))
        assert log.status == 200
        assert log.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert "Content-Disposition" not in log.headers
        assert log.headers["X-Content-Type-Options"] == "nosniff"
        assert b"all went well" in log.body


def test_the_sums_have_one_line_for_each_image(classic: Classic, image: Image) -> None:
    sums = classic.fetch(at("download", image, "sha256sums"))

    # As auc reads it: the name begins at the 67th character.
    lines = [line for line in sums.body.decode().splitlines() if line[66:] == SYSUPGRADE]
    assert len(lines) == 1
    assert lines[0][:64] == hashlib.sha256(DATA[SYSUPGRADE]).hexdigest()
    assert len(sums.body) >= 68


def test_a_server_with_a_key_signs_images_and_sums(classic: Classic) -> None:
    key = UsignKey.generate("test")
    settings.ASU_SIGNING_KEY = key.secret_text()
    try:
        classic.ask("/image-request", wish())
        image = build_ends()
    finally:
        settings.ASU_SIGNING_KEY = ""

    for name in (SYSUPGRADE, "sha256sums"):
        data, signature = (classic.fetch(at("download", image, found)).body for found in (name, f"{name}.sig"))
        verify_usign(data, signature, [key.public_text()])


def test_a_server_without_a_key_says_so_where_the_signature_would_be(classic: Classic, image: Image) -> None:
    for name in (f"{SYSUPGRADE}.sig", "sha256sums.sig"):
        answer = classic.fetch(at("download", image, name))
        assert answer.status == 200
        assert b"not signed" in answer.body
        assert int(answer.headers["Content-Length"]) == len(answer.body) >= 16


def test_the_list_is_that_of_a_web_server(classic: Classic, image: Image) -> None:
    answer = classic.get(at("json", image))

    entries = {entry["name"]: entry for entry in answer.json()}
    assert answer.headers["Content-Type"] == "application/json"
    assert {SYSUPGRADE, FACTORY, "sha256sums", "build.log"} <= set(entries)
    assert [name for name in entries if "factory" in name] == [FACTORY]
    for entry in entries.values():
        assert set(entry) == {"name", "type", "mtime", "size"}
        assert entry["type"] == "file"
        assert type(entry["size"]) is int
        assert parsedate_to_datetime(entry["mtime"]).tzinfo is not None
        assert len(classic.get(at("json", image, entry["name"])).body) == entry["size"]


def test_an_address_that_would_be_too_long_has_a_short_name(classic: Classic) -> None:
    classic.ask("/image-request", wish())
    build_ends({LONG: DATA[SYSUPGRADE]})

    body = classic.ask("/image-request", wish()).json()

    assert len(body["url"]) == folders.URL_BYTES
    assert body["url"].endswith("-squashfs-sysupgrade.bin")
    assert classic.fetch(body["url"]).body == DATA[SYSUPGRADE]
    assert classic.fetch(f"{body['url']}.log").status == 200


def test_what_is_served_no_longer_says_why_and_is_not_counted(classic: Classic, image: Image) -> None:
    services.withdraw(image, "It had a hole.")

    for front in ("download", "static", "json"):
        answer = classic.get(at(front, image, SYSUPGRADE))
        assert (answer.status, answer.json()["error"]) == (410, "This image was withdrawn. It had a hole.")
    assert classic.get(at("json", image)).status == 410
    assert downloads(image) == {}


def test_a_file_that_went_away_is_410_and_the_image_is_built_again(classic: Classic, image: Image) -> None:
    Path(settings.ASU_STORE_DIR, image.request.request_hash, SYSUPGRADE).unlink()

    assert classic.get(at("static", image, SYSUPGRADE)).status == 410
    assert classic.ask("/image-request", wish()).json() == {"queue": 1}


@pytest.mark.parametrize("front", ["download", "static", "json"])
@pytest.mark.parametrize(
    "rest",
    [
        "{hash}/none.bin",
        "{hash}/none.bin.log",
        "{hash}/build.log.log",
        "{hash}/.log",
        "{hash}/.sig",
        "{hash}/profiles.json.sig",
        "{hash}/0123456789abcdef-x.bin",
        "{hash}/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "{hash}/..",
        "{hash}/%00",
        "{hash}/" + "x" * 5000,
        "../../etc/passwd",
        "%2e%2e/%2e%2e",
        "0" * 64 + "/x.bin",
        "x/y.bin",
        "x",
        "",
    ],
)
def test_what_is_not_there_is_404(classic: Classic, image: Image, front: str, rest: str) -> None:
    answer = classic.get(f"/{front}/{rest.replace('{hash}', image.request.request_hash)}")

    assert answer.status == 404
    if front != "static" or rest.startswith(("{hash}", "0")):
        assert isinstance(answer.json(), dict)


@pytest.mark.parametrize("name", ["0" * 64, "x", "0" * 63, "..%2f..%2fetc%2fpasswd", "0" * 3000])
def test_a_build_that_did_not_fail_has_no_log_of_a_failure(classic: Classic, image: Image, name: str) -> None:
    assert classic.get(f"/static/faillogs/{name}.log").status == 404
    assert classic.get(f"/static/faillogs/{image.request.request_hash}.log").status == 404


def test_a_log_is_text_whatever_it_holds(classic: Classic) -> None:
    classic.ask("/image-request", wish())
    build_fails(Reason.CRASH)
    address = classic.ask("/image-request", wish()).json()["log"]

    answer = classic.get(address, Accept="text/html")

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("front", ["download", "static", "json"])
def test_files_are_read_only(classic: Classic, image: Image, method: str, front: str) -> None:
    answer = classic.web.call(method, at(front, image, SYSUPGRADE), b"x")

    assert answer.status == 405
    assert answer.json()["error"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
