"""The conformance checklist of the current API, line by line, through a real socket."""

import hashlib
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from builders import queue
from builders.models import Build
from builders.spec import BuildFailedError
from builders.states import Phase, Reason
from images.models import ImageRequest
from tests.e2e.web import Answer, Web, running
from tests.factories import make_worker
from tests.images.factories import DEVICE, PACKAGES, make_target, wish
from tests.images.publications import DATA, finish, result

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

BUILD = "/api/v1/build"
UNKNOWN = f"{BUILD}/{'0' * 64}"
_FOLDERS = ("STORE", "UPLOAD", "RUN")


@pytest.fixture(scope="module")
def server(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Web, Path]]:
    folder = tmp_path_factory.mktemp("web")
    with django_db_blocker.unblock(), running(folder / "data", folder / "server.log") as web:
        yield web, folder / "data"


@pytest.fixture
def web(server: tuple[Web, Path], data_dir: Path, settings: Settings, transactional_db: None) -> Web:
    """The server, and a target to ask for; the test works in the server's folders."""
    for name in _FOLDERS:
        folder = server[1] / getattr(settings, f"ASU_{name}_DIR").name
        folder.mkdir(exist_ok=True)
        setattr(settings, f"ASU_{name}_DIR", folder)
    make_target()
    return server[0]


def ask(web: Web, **changes: Any) -> Answer:
    return web.post(BUILD, wish(**changes))


def poll(web: Web, answer: Answer, method: str = "GET") -> Answer:
    return web.call(method, f"{BUILD}/{answer.json()['request_hash']}")


def lead_to(state: str, answer: Answer) -> None:
    """Takes the build of an answer on to a state."""
    request = ImageRequest.objects.get(request_hash=answer.json()["request_hash"])
    if state == "building":
        worker = make_worker()
        lease = queue.lease(worker)
        assert lease is not None
        queue.beat(lease, worker, Phase.BUILDING_IMAGE)
    elif state == "failed":
        worker = make_worker()
        lease = queue.lease(worker)
        assert lease is not None
        queue.fail(lease, worker, BuildFailedError(Reason.IMAGE_TOO_BIG, "Too big.", stderr="no space"))
    elif state == "done":
        outcome = result()
        outcome.profile_json["profiles"] = {request.profile: outcome.profile_json["profiles"]["tiny"]}
        folder = Path(make_upload())
        finish(request, outcome, folder)


def make_upload() -> Path:
    from django.conf import settings

    folder: Path = (
        settings.ASU_UPLOAD_DIR / f"{Build.objects.count()}-{Path(settings.ASU_UPLOAD_DIR).stat().st_mtime_ns}"
    )
    folder.mkdir()
    for name, content in DATA.items():
        (folder / name).write_bytes(content)
    return folder


def is_error(answer: Answer, status: int) -> bool:
    body = answer.json()
    return (
        answer.status == status
        and isinstance(body, dict)
        and type(body["status"]) is int
        and body["status"] == status
        and isinstance(body["detail"], str)
        and bool(body["detail"])
    )


# 1. chunked POST without length reaches the view with its body


def test_a_chunked_post_without_length_arrives(web: Web) -> None:
    answer = web.call("POST", BUILD, json.dumps(wish()).encode(), chunks=True)

    assert answer.status == answer.json()["status"] == 202
    assert ImageRequest.objects.count() == 1


# 2. POST with query string, with // path, with text/json type: same result


def test_query_strings_slashes_and_types_do_not_matter(web: Web) -> None:
    body = json.dumps(wish()).encode()

    answers = [
        web.call("POST", BUILD, body),
        web.call("POST", f"{BUILD}?1795424362881", body),
        web.call("POST", f"/{BUILD}", body),
        web.call("POST", BUILD, body, {"Content-Type": "text/json"}),
        web.call("POST", BUILD, body, {"Content-Type": "application/x-www-form-urlencoded"}, chunks=True),
    ]

    assert {answer.status for answer in answers} == {202}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert Build.objects.count() == 1


# 3. same content, other package order: same request_hash, no second job


def test_another_order_is_the_same_job(web: Web) -> None:
    first = ask(web, packages=["luci", "vim"])
    second = ask(web, packages=["vim", "luci"])

    assert first.json()["request_hash"] == second.json()["request_hash"]
    assert Build.objects.count() == 1


# 4. comma board name, alias board name, unknown board on a generic-only target


@pytest.mark.parametrize("board", ["tplink,archer-c7-v2", "archer-c7-v2", "tplink_archer-c7-v2"])
def test_board_names_find_their_profile(web: Web, board: str) -> None:
    assert ask(web, profile=board).json()["request"]["profile"] == "tplink_archer-c7-v2"


def test_any_board_is_generic_where_that_is_all_there_is(web: Web) -> None:
    make_target("x86/64", profiles=({**DEVICE, "name": "generic", "supported_devices": []},))

    answer = ask(web, target="x86/64", profile="qemu-standard-pc")

    assert answer.json()["request"]["profile"] == "generic"


# 5. filesystem:"", defaults:"", version_code:"" accepted


def test_empty_texts_are_absent_ones(web: Web) -> None:
    answer = ask(web, filesystem="", defaults="", version_code="")

    assert answer.status == 202
    assert answer.json()["request_hash"] == ask(web).json()["request_hash"]


# 6. queued: key queue_position, no imagebuilder_status; building: the reverse


def test_queued_and_building_have_each_their_key(web: Web) -> None:
    queued = ask(web)
    lead_to("building", queued)
    building = poll(web, queued)

    assert "queue_position" in queued.json() and "imagebuilder_status" not in queued.json()
    assert "queue_position" not in building.json()
    assert building.json()["imagebuilder_status"] == "building_image"


# 7. every error: JSON object, int status, string detail


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/no/such/path", None, 404),
        ("GET", "/openwrt/no/such/path", None, 404),
        ("GET", "/api/v1/nothing", None, 404),
        ("GET", UNKNOWN, None, 404),
        ("GET", "/store/x/y.bin", None, 404),
        ("GET", "/json/v1/none.json", None, 404),
        ("GET", BUILD, None, 405),
        ("PUT", BUILD, b"{}", 405),
        ("DELETE", UNKNOWN, None, 405),
        ("POST", BUILD, b"", 400),
        ("POST", BUILD, b"no json", 400),
        ("POST", BUILD, b"[" * 100_000, 400),
        ("POST", BUILD, b"{}", 400),
        ("POST", BUILD, json.dumps(wish(profile="foo")).encode(), 400),
        ("POST", BUILD, json.dumps(wish(packages=["no-such"])).encode(), 422),
        ("POST", BUILD, json.dumps(wish(packages=["$(id)"])).encode(), 400),
        ("POST", "/nothing/api/v1/build", json.dumps(wish()).encode(), 400),
    ],
)
def test_every_error_is_an_object(web: Web, method: str, path: str, body: bytes | None, status: int) -> None:
    assert is_error(web.call(method, path, body), status)
    assert not ImageRequest.objects.exists()


@pytest.mark.parametrize("chunks", [True, False])
def test_a_body_over_the_limit_is_413(web: Web, chunks: bool) -> None:
    body = json.dumps(wish(defaults="x" * 2_000_000)).encode()

    assert is_error(web.call("POST", BUILD, body, chunks=chunks), 413)


def test_a_failed_build_is_an_error_with_its_logs(web: Web) -> None:
    posted = ask(web)
    lead_to("failed", posted)

    answer = poll(web, posted)

    assert is_error(answer, 500)
    assert answer.json()["stderr"] == "no space"
    assert isinstance(answer.json()["stdout"], str)
    assert answer.json()["request_hash"] == posted.json()["request_hash"]


# 8. 200 holds request object, titles list, manifest complete, string filesystem and both sums on each image


def test_done_holds_what_clients_read(web: Web) -> None:
    posted = ask(web)
    lead_to("done", posted)

    body = poll(web, posted).json()

    assert body["status"] == 200
    assert isinstance(body["request"], dict)
    assert isinstance(body["titles"], list)
    assert body["manifest"] == {"base-files": "1", "vim": "9.1-r1"}
    assert body["images"]
    for image in body["images"]:
        assert isinstance(image["filesystem"], str)
        assert len(image["sha256"]) == len(image["sha256_unsigned"]) == 64


def test_a_post_of_a_finished_build_is_the_same_answer_each_time(web: Web) -> None:
    lead_to("done", ask(web))

    # The second one comes from the memory in front of Django.
    first, second = ask(web), ask(web)

    assert first.status == second.status == 200
    assert first.body == second.body
    assert first.headers["X-Imagebuilder-Status"] == second.headers["X-Imagebuilder-Status"] == "done"


# 9. HEAD on queued, building, done, failed, unknown


@pytest.mark.parametrize(
    ("state", "status", "word"),
    [("queued", 202, "queued"), ("building", 202, "building_image"), ("done", 200, "done"), ("failed", 500, "failed")],
)
def test_head_tells_the_state(web: Web, state: str, status: int, word: str) -> None:
    posted = ask(web)
    lead_to(state, posted)

    head = poll(web, posted, "HEAD")
    poll(web, posted)
    again = poll(web, posted, "HEAD")

    for answer in (head, again):
        assert answer.status == status
        assert answer.body == b""
        assert answer.headers["X-Imagebuilder-Status"] == word
        assert answer.headers["X-Queue-Position"] == "0"


def test_head_of_an_unknown_hash_is_404(web: Web) -> None:
    assert web.call("HEAD", UNKNOWN).status == 404


# 10. OPTIONS on all browser paths, headers of section 9 on 200, 202, 4xx, 5xx and on /store


@pytest.mark.parametrize(
    "path", [BUILD, UNKNOWN, "/api/v1/overview", "/json/v1/overview.json", "/store/x/y.bin", f"/{BUILD}"]
)
def test_preflights_are_answered(web: Web, path: str) -> None:
    asked = {"Origin": "http://192.168.1.1", "Access-Control-Request-Headers": "content-type,x-fork"}

    answer = web.call("OPTIONS", path, headers=asked)

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type,x-fork"
    assert answer.headers["Access-Control-Max-Age"] == "86400"


def test_every_answer_may_be_read_by_other_origins(web: Web) -> None:
    posted = ask(web)
    lead_to("done", posted)
    done = poll(web, posted)
    image = done.json()["images"][0]["name"]
    failing = ask(web, packages=["vim"])
    lead_to("failed", failing)
    answers = [
        ask(web, packages=["tcpdump"]),
        done,
        poll(web, failing),
        web.get(UNKNOWN),
        web.get("/no/such/path"),
        web.get("/api/v1/overview"),
        web.get(f"/store/{done.json()['bin_dir']}/{image}"),
        web.call("PUT", BUILD, b"{}"),
        ask(web, packages=["no-such"]),
    ]

    assert [answer.status for answer in answers] == [202, 200, 500, 404, 404, 200, 200, 405, 422]
    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert "X-Imagebuilder-Status" in exposed and "X-Unknown-Package" in exposed
    assert answers[-1].headers["X-Unknown-Package"] == "no-such"


# 11. /store: length, no compression, sum equal to images[].sha256, cache-buster ignored


def test_the_store_serves_what_the_answer_promises(web: Web) -> None:
    posted = ask(web)
    lead_to("done", posted)
    body = poll(web, posted).json()

    for image in body["images"]:
        file = web.call(
            "GET", f"/store/{body['bin_dir']}/{image['name']}?1795424387585", headers={"Accept-Encoding": "gzip, br"}
        )
        assert file.status == 200
        assert hashlib.sha256(file.body).hexdigest() == image["sha256"]
        assert int(file.headers["Content-Length"]) == len(file.body) == image["size"]
        assert "Content-Encoding" not in file.headers
        assert file.headers["Content-Type"] == "application/octet-stream"


# 12. overview: latest order; targets object; path_packages present; ints and bools typed


def test_the_overview_is_typed_and_in_order(web: Web) -> None:
    make_target(version="23.05.5")
    make_target(version="SNAPSHOT")

    body = web.get("/json/v1/overview.json?1795424362881").json()

    assert body["latest"] == ["24.10.2", "23.05.5"]
    for branch in body["branches"].values():
        assert branch["targets"] == {"ath79/generic": "mips_24kc"}
        assert branch["path_packages"]
        assert branch["enabled"] is True
        assert type(branch["snapshot"]) is bool
    assert type(body["server"]["max_defaults_length"]) is int
    assert type(body["server"]["max_custom_rootfs_size_mb"]) is int


# 13. indexes contain every package of every default list, kmods included


def test_the_indexes_have_all_default_packages(web: Web) -> None:
    own = web.get("/json/v1/releases/24.10.2/targets/ath79/generic/index.json").json()
    arch = web.get(f"/json/v1/releases/24.10.2/packages/{own['architecture']}-index.json").json()

    assert set(PACKAGES) <= {*own["packages"], *arch}
    assert "kmod-ath10k-ct" in own["packages"]


# T3, T4 on a kept connection, as browsers hold it


def test_one_connection_serves_many_calls(web: Web) -> None:
    link = HTTPConnection("127.0.0.1", web.port, timeout=30)
    try:
        statuses = []
        for path in ("/api/v1/overview", UNKNOWN, "//api/v1/overview?1", "/no/such/path"):
            link.request("GET", path)
            answer = link.getresponse()
            answer.read()
            statuses.append(answer.status)
    finally:
        link.close()

    assert statuses == [200, 404, 200, 404]
