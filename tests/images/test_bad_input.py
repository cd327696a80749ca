"""Nonsense and malice at the door: a 4xx that names the field, and no trace of it."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from builders.models import Build
from images.api import body as bodies
from images.exceptions import RequestRefusedError
from images.models import ImageRequest
from tests.images.factories import ask, make_target, wish

pytestmark = pytest.mark.django_db

URL = "/api/v1/build"


def post(client: Client, body: bytes) -> Any:
    return client.post(URL, body, content_type="application/json")


def assert_refused(answer: Any, field: str, status: int = 400) -> None:
    body = answer.json()
    assert answer.status_code == status
    assert type(body["status"]) is int and body["status"] == status
    assert type(body["detail"]) is str and body["detail"]
    assert field in body["detail"]
    assert body["message"] == body["detail"]
    assert not ImageRequest.objects.exists()
    assert not Build.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b"3",
        b'"text"',
        b"null",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"version": NaN}',
        b'{"version": Infinity}',
        b'{"rootfs_size_mb": ' + b"9" * 5000 + b"}",
        b'{"version": "1", "version": "2"}',
        b'{"version": "\xff\xfe"}',
        '{"version": "1"}'.encode("utf-16"),
        b"version=1&target=x",
        b'{"version": "24.10.2"',
        b'{"version": "tab\there"}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(client: Client, body: bytes) -> None:
    make_target()

    assert_refused(post(client, body), "body")


def test_a_body_over_the_limit_is_413(client: Client, settings: Settings) -> None:
    make_target()
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = settings.ASU_MAX_BODY = 1000

    assert_refused(post(client, b'{"x": "' + b"y" * 1000 + b'"}'), "1000 bytes", status=413)


@pytest.mark.parametrize("name", ["version", "target", "profile"])
@pytest.mark.parametrize(
    "value",
    [
        *(None, "", 7, True, [], {}, {"a": 1}, "24.10.2\n", "\uff12\uff14", "a\x00b", "../../etc", "\ud800", "x" * 500),
        *("$(id)", "`id`", "a b\tc", "-x", "%2e%2e", "a'b", 'a"b', "a\\", "a;b"),
    ],
)
def test_a_wrong_name_is_refused_and_named(client: Client, name: str, value: Any) -> None:
    make_target()

    answer = post(client, json.dumps({**wish(), name: value}).encode())

    assert_refused(answer, name)


@pytest.mark.parametrize(
    "word",
    [
        *(
            "-%",
            "$(id)",
            "vim\n",
            "\uff56im",
            "-",
            "--",
            "",
            "http://x/y.ipk",
            "/etc/passwd",
            "a b",
            "`x`",
            "vim\x00",
        ),
        *("-x\n", "..", "\ud800", 5, None, True, ["vim"], {"vim": 1}, "x" * 200, "vim=1", "-$(shell id)", "a\\"),
    ],
)
def test_a_wrong_package_name_is_refused_and_named(client: Client, word: Any) -> None:
    make_target()

    answer = post(client, json.dumps({**wish(), "packages": ["luci", word]}).encode())

    assert_refused(answer, "packages[1]")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("packages", "luci"),
        ("packages", 3),
        ("packages_versions", "luci"),
        ("packages_versions", ["luci"]),
        ("packages_versions", {"-luci": "1"}),
        ("packages_versions", {"luci\n": "1"}),
        ("packages_versions", {"luci": 1}),
        ("packages_versions", {"luci": "1\n"}),
        ("packages_versions", {"luci": "$(id)"}),
        ("diff_packages", "true"),
        ("diff_packages", 1),
        ("version_code", "r1\n"),
        ("version_code", 5),
        ("version_code", "$(id)"),
        ("filesystem", "squashfs\n"),
        ("filesystem", "ntfs"),
        ("filesystem", ["squashfs"]),
        ("filesystem", "../squashfs"),
        ("defaults", ["echo"]),
        ("defaults", "echo \x00"),
        ("defaults", "echo \ud800"),
        ("rootfs_size_mb", True),
        ("rootfs_size_mb", 0),
        ("rootfs_size_mb", -1),
        ("rootfs_size_mb", 64.5),
        ("rootfs_size_mb", "64"),
        ("rootfs_size_mb", 10**30),
        ("distro", 7),
        ("distro", "../x"),
        ("distro", "\ud800"),
        ("repositories", {"a\nb": "http://x"}),
    ],
)
def test_a_wrong_value_is_refused_and_named(client: Client, name: str, value: Any) -> None:
    make_target()

    answer = post(client, json.dumps({**wish(), name: value}).encode())

    assert_refused(answer, name)


def test_an_error_repeats_little_of_what_came_and_only_as_ascii(client: Client) -> None:
    make_target()

    answer = ask(client, version="<script>ü" + "x" * 5000)

    detail = answer.json()["detail"]
    assert len(detail) < 200
    assert detail.isascii()


@pytest.mark.parametrize("client_name", [5, None, ["x"], "\ud800\x00\n<b>", "x" * 4000])
def test_a_strange_client_name_is_cleaned_not_refused(client: Client, client_name: Any) -> None:
    make_target()

    answer = post(client, json.dumps({**wish(), "client": client_name}).encode())

    assert answer.status_code == 202
    kept = ImageRequest.objects.get().client
    assert kept.isascii() and kept.isprintable() and len(kept) <= 100


@pytest.mark.parametrize("content_type", ["text/json", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_the_content_type_does_not_matter(client: Client, content_type: str) -> None:
    make_target()

    answer = client.generic("POST", URL, json.dumps(wish()), content_type=content_type)

    assert answer.status_code == 202


def test_a_byte_order_mark_is_no_obstacle(client: Client) -> None:
    make_target()

    assert post(client, b"\xef\xbb\xbf" + json.dumps(wish()).encode()).status_code == 202


@pytest.fixture
def little_time() -> Iterator[None]:
    """Twenty seconds of processor time, far above what is needed and far below what a square of the size takes."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, 20)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.usefixtures("little_time")
def test_a_body_full_of_keys_with_one_of_them_twice_is_refused_at_once() -> None:
    keys = [f"{number:x}" for number in range(200_000)]
    text = "{" + ",".join(f'"{key}":0' for key in keys) + f',"{keys[-1]}":1}}'

    with pytest.raises(RequestRefusedError, match="'30d3f' more than once"):
        bodies.parse(text.encode())


@pytest.mark.parametrize(("first", "again", "is_taken"), [("1", "1", True), ("1", "2", False), ("1", "true", False)])
def test_a_key_twice_must_say_the_same_both_times(first: str, again: str, is_taken: bool) -> None:
    text = f'{{"packages_versions": {{"a": {first}, "b": 0, "a": {again}}}}}'.encode()

    if is_taken:
        assert bodies.parse(text) == {"packages_versions": {"a": 1, "b": 0}}
    else:
        with pytest.raises(RequestRefusedError, match="'a' more than once"):
            bodies.parse(text)
