"""Nonsense and malice at every classic address: a readable answer below 500, no redirect of a POST, nothing stored."""

import json
from typing import Any

import pytest

from builders.models import Build
from images.models import ImageRequest
from tests.e2e.classic import Classic, wish

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

POSTS = [
    *("/update-request", "/image-request", "/build-request", "/files-request"),
    *("/api/upgrade-check", "/api/upgrade-request", "/api/build-request", "/api/build"),
]
GETS = [
    *("/api/distros", "/api/distributions", "/api/releases", "/api/versions", "/api/models", "/api/packages_image"),
    *("/api/default_packages", "/api/network_profiles", "/network-profiles/Packages", "/api/image/x"),
    *("/api/manifest/x", "/api/v1/stats/image_stats", "/supported", "/fails", "/manifest-info/x"),
    *(f"/api/upgrade-request/{'0' * 64}", f"/api/build-request/{'0' * 64}", f"/download/{'0' * 64}/x"),
]
FIELDS = ["distro", "version", "target", "subtarget", "board", "model", "packages", "network_profile", "defaults"]
VALUES: list[Any] = [
    *(0, 1, -1, 1.5, 10**30, True, False, [], {}, [[]], [{}], {"a": {}}, [None], [1], {"": ""}, "", " ", "\n"),
    *("\x00", "a\x00b", "\ud800", "\uff4f\uff50", "../../etc/passwd", "$(id)", "`id`", "a b", "-x", "%2e%2e", "'", '"'),
    *("\\", ";", "x" * 300, "<script>alert(1)</script>", "24.10.2\n", "a/b/c", "/", "//", "a/", "\u202eabc"),
]
BODIES = [
    *(b"", b"hello", b"[]", b"3", b'"text"', b"null", b"true", b"{}", b"[" * 100_000, b'{"a":' * 50_000),
    *(b'{"distro": NaN}', b'{"distro": "a", "distro": "b"}', b'{"distro": "\xff\xfe"}', b'{"distro": "openwrt"'),
    *('{"distro": "openwrt"}'.encode("utf-16"), b"distro=openwrt&version=1", b'{"n": ' + b"9" * 5000 + b"}"),
]  # fmt: skip


def is_fine(answer: Any) -> bool:
    """Readable by a program, and no mistake of ours."""
    assert answer.status < 500, answer.body
    assert answer.status not in (301, 302, 307, 308)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return answer.status == 204 or isinstance(json.loads(answer.body), dict)


@pytest.mark.parametrize("path", POSTS)
def test_bodies_that_are_no_object_are_refused_with_a_sentence(classic: Classic, path: str) -> None:
    for body in BODIES:
        answer = classic.web.call("POST", path, body, chunks=bool(body))
        assert is_fine(answer)
        assert answer.status in (400, 412)
        assert answer.json().get("error") or answer.json().get("detail")
    assert not ImageRequest.objects.exists()


@pytest.mark.parametrize("chunks", [True, False])
@pytest.mark.parametrize("path", POSTS)
def test_a_body_over_the_limit_is_refused(classic: Classic, path: str, chunks: bool) -> None:
    answer = classic.web.call("POST", path, json.dumps(wish(model="x" * 2_000_000)).encode(), chunks=chunks)

    assert is_fine(answer)
    assert answer.status == 413
    assert answer.json()["error"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("path", POSTS)
def test_values_of_every_wrong_kind_are_answered(classic: Classic, path: str, field: str) -> None:
    for value in VALUES:
        answer = classic.web.post(path, wish(**{field: value}))
        assert is_fine(answer), (field, value)
        if path != "/api/build":
            assert b"<" not in answer.body, "views of that time put errors into their page as they are"
    known = ImageRequest.objects.filter(build__isnull=False)
    assert all(request.profile == "tplink_archer-c7-v2" for request in known)


@pytest.mark.parametrize("path", POSTS)
def test_packages_of_every_wrong_kind_are_refused(classic: Classic, path: str) -> None:
    for value in VALUES:
        if value in ("", " ", "\n", "-x"):  # an empty line, and a package that may as well be taken out
            continue
        answer = classic.web.post(path, wish(packages=["luci", value]))
        assert is_fine(answer), value
        # What has the shape of a name may be unknown; only who wants an image must not ask for that.
        is_check = path in ("/update-request", "/api/upgrade-check")
        assert answer.status in (400, 422) or (is_check and value == "24.10.2\n"), value
    too_many = classic.web.post(path, wish(packages=[f"package-{number}" for number in range(5000)]))
    assert too_many.status == 400
    assert not Build.objects.exists()


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_requests_are_posted(classic: Classic, path: str, method: str) -> None:
    answer = classic.web.call(method, path, b"{}" if method != "GET" else None)

    assert answer.status == 405
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    if method != "HEAD":
        assert answer.json()["error"]


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_lists_are_read_only(classic: Classic, path: str, method: str) -> None:
    answer = classic.web.call(method, path, b"{}")

    if path == "/network-profiles/Packages":
        assert answer.status in (403, 405)
        return
    assert answer.status == 405
    assert answer.json()["error"]


@pytest.mark.parametrize("path", [*POSTS, *GETS])
def test_preflights_are_answered(classic: Classic, path: str) -> None:
    asked = {"Origin": "http://192.168.1.1", "Access-Control-Request-Headers": "content-type"}

    for spelt in (path, f"/{path}", f"/openwrt{path}"):
        answer = classic.web.call("OPTIONS", spelt, headers=asked)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("path", GETS)
def test_parameters_of_every_kind_are_answered(classic: Classic, path: str) -> None:
    hostile = ["%00", "%ff", "%ed%a0%80", "..%2f", "%0a", "x" * 3000, "%3Cscript%3E", "1%27", "*", "%25"]
    for value in hostile:
        names = ("distro", "release", "version", "target", "subtarget", "profile", "model_search")
        query = "&".join(f"{name}={value}" for name in names)
        answer = classic.web.get(f"{path}?{query}")
        assert answer.status < 500, answer.body
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("distro", ["\uff4f", "../x", "api", "\u0130"])
def test_odd_addresses_of_distributions_are_answered(classic: Classic, distro: str) -> None:
    from urllib.parse import quote

    for path in POSTS:
        assert is_fine(classic.web.post(f"/{quote(distro, safe='')}{path}", wish()))


def test_a_classic_address_that_there_is_not_is_a_readable_404(classic: Classic) -> None:
    for path in ("/image-request/", "/image-request/x", "/update-request/1", "/api/upgrade-check/x", "/download/x"):
        answer = classic.web.post(path, wish())
        assert (answer.status, answer.json()["status"]) == (404, 404)
        assert answer.json()["error"] == answer.json()["detail"]
