"""Downloads: whole and in parts, counted once, and no longer than an image is served."""

import hashlib
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from images import services
from images.models import Image
from stats.models import DailyCount
from tests.images.publications import DATA, SYSUPGRADE, make_image, withdrawn

pytestmark = pytest.mark.django_db

BYTES = DATA[SYSUPGRADE]
SIZE = len(BYTES)


@pytest.fixture
def image() -> Image:
    return make_image()


@pytest.fixture
def address(image: Image) -> str:
    return f"/store/{image.request.request_hash}/{SYSUPGRADE}"


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def break_off(answer: Any) -> bytes:
    """The client goes away after the first piece."""
    had: bytes = next(iter(answer.streaming_content))
    # Not answer.close(): that would also close the connection that the test's transaction lives in.
    answer._iterator.close()
    return had


def downloads(image: Image) -> int:
    return image.files.get(name=SYSUPGRADE).downloads


def test_a_download_has_what_clients_check(client: Client, image: Image, address: str) -> None:
    answer = client.get(address)

    data = body(answer)
    assert answer.status_code == 200
    assert answer["Content-Length"] == str(SIZE)
    assert answer["Content-Type"] == "application/octet-stream"
    assert "Content-Encoding" not in answer
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert data == BYTES
    assert answer["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'


def test_a_cache_buster_and_a_wish_for_compression_change_nothing(client: Client, address: str) -> None:
    answer = client.get(f"{address}?1795424387585", headers={"Accept-Encoding": "gzip, br"})

    assert body(answer) == BYTES
    assert answer["Content-Length"] == str(SIZE)
    assert "Content-Encoding" not in answer


def test_the_store_is_below_the_distribution_too_and_only_below_its_own(client: Client, address: str) -> None:
    assert body(client.get(f"/demo{address}")) == BYTES
    assert client.get(f"/other{address}").status_code == 404


def test_head_tells_the_length_and_counts_nothing(client: Client, image: Image, address: str) -> None:
    answer = client.head(address)

    assert answer.status_code == 200
    assert answer["Content-Length"] == str(SIZE)
    assert downloads(image) == 0


# -- parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, SIZE),
        ("bytes=-100", SIZE - 100, SIZE),
        (f"bytes=10-{SIZE * 2}", 10, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
    ],
)
def test_a_part(client: Client, address: str, asked: str, start: int, stop: int) -> None:
    answer = client.get(address, headers={"Range": asked})

    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert answer["Content-Length"] == str(stop - start)
    assert body(answer) == BYTES[start:stop]


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b", "bytes=٣-٤"])
def test_a_range_that_makes_no_sense_gives_the_whole(client: Client, address: str, asked: str) -> None:
    answer = client.get(address, headers={"Range": asked.encode().decode("latin-1")})

    assert answer.status_code == 200
    assert body(answer) == BYTES


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=-0"])
def test_a_part_behind_the_end_is_refused(client: Client, address: str, asked: str) -> None:
    answer = client.get(address, headers={"Range": asked})

    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{SIZE}"
    assert answer.json()["status"] == 416


def test_a_part_of_another_version_gives_the_whole(client: Client, address: str) -> None:
    etag = client.head(address)["ETag"]

    same = client.get(address, headers={"Range": "bytes=5-", "If-Range": etag})
    other = client.get(address, headers={"Range": "bytes=5-", "If-Range": '"else"'})

    assert same.status_code == 206
    assert other.status_code == 200


def test_who_has_the_file_gets_304(client: Client, image: Image, address: str) -> None:
    etag = client.head(address)["ETag"]

    answer = client.get(address, headers={"If-None-Match": etag})

    assert answer.status_code == 304
    assert downloads(image) == 0


# -- counting ------------------------------------------------------------------------------------------------


def test_a_whole_download_counts_once(client: Client, image: Image, address: str) -> None:
    body(client.get(address))

    assert downloads(image) == 1
    assert DailyCount.objects.get(name="downloads", distribution="demo").count == 1


def test_a_download_that_was_broken_off_does_not_count(client: Client, image: Image, address: str) -> None:
    break_off(client.get(address))

    assert downloads(image) == 0


def test_a_resumed_download_counts_once(client: Client, image: Image, address: str) -> None:
    had = break_off(client.get(address))

    rest = body(client.get(address, headers={"Range": f"bytes={len(had)}-"}))

    assert had + rest == BYTES
    assert downloads(image) == 1


def test_a_part_from_the_middle_does_not_count(client: Client, image: Image, address: str) -> None:
    body(client.get(address, headers={"Range": "bytes=0-99"}))

    assert downloads(image) == 0


# -- handed to the web server in front -----------------------------------------------------------------------


def test_nginx_is_told_which_file_to_send(client: Client, image: Image, address: str, settings: Settings) -> None:
    settings.ASU_X_ACCEL_PREFIX = "/protected-store/"

    answer = client.get(address)

    assert answer["X-Accel-Redirect"] == f"/protected-store/{image.request.request_hash}/{SYSUPGRADE}"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer.content == b""
    assert downloads(image) == 1


def test_handing_over_the_first_part_does_not_count(
    client: Client, image: Image, address: str, settings: Settings
) -> None:
    settings.ASU_X_ACCEL_PREFIX = "/protected-store"

    client.get(address, headers={"Range": "bytes=0-99"})
    client.head(address)

    assert downloads(image) == 0


# -- what is not served --------------------------------------------------------------------------------------


def test_a_withdrawn_image_is_gone_at_once_and_says_why(client: Client, image: Image, address: str) -> None:
    services.withdraw(image, "It had a hole.")

    answer = client.get(address)

    assert answer.status_code == answer.json()["status"] == 410
    assert "It had a hole." in answer.json()["detail"]


def test_an_expired_image_says_what_to_do(client: Client, image: Image, address: str) -> None:
    services.expire(image)

    answer = client.get(address)

    assert answer.status_code == answer.json()["status"] == 410
    assert "again" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["nothing.bin", "..%2f..%2fdb.sqlite3", "%2e%2e", "sha256sums/x", "a%00b"])
def test_what_no_row_names_is_not_there(client: Client, image: Image, name: str) -> None:
    answer = client.get(f"/store/{image.request.request_hash}/{name}")

    assert answer.status_code == answer.json()["status"] == 404


def test_a_file_in_the_folder_without_a_row_is_not_served(client: Client, image: Image) -> None:
    from images import storage

    (storage.folder(image.request.request_hash) / "extra").write_text("x")

    assert client.get(f"/store/{image.request.request_hash}/extra").status_code == 404


def test_a_withdrawn_image_keeps_its_page(client: Client) -> None:
    image = make_image(**withdrawn("It had a hole."))

    assert b"It had a hole." in client.get(f"/images/{image.request.request_hash}/").content
