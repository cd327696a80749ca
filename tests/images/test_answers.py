"""What clients get for each state of a build, by POST, GET and HEAD."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from builders import queue
from builders.models import Build
from builders.spec import BuildFailedError
from builders.states import Phase, Reason
from images import services
from images.api.answers import LOG_BYTES
from images.models import Image, ImageRequest
from tests.factories import in_the_past, make_worker
from tests.images.factories import ask, make_target
from tests.images.publications import DATA, finish, result, withdrawn

pytestmark = pytest.mark.django_db

PROFILE_JSON = {
    "metadata_version": 1,
    "version_number": "24.10.2",
    "version_code": "r28739-d9340319c6",
    "target": "ath79/generic",
    "arch_packages": "mips_24kc",
    "default_packages": ["base-files"],
    "source_date_epoch": 1750711236,
    "linux_kernel": {"version": "6.6.93"},
}


@pytest.fixture(autouse=True)
def target() -> None:
    make_target()


def posted(client: Client, /, **changes: Any) -> ImageRequest:
    return ImageRequest.objects.get(request_hash=ask(client, **changes).json()["request_hash"])


def lease() -> tuple[Any, Any]:
    worker = make_worker()
    return queue.lease(worker), worker


def published(client: Client, /, **changes: Any) -> ImageRequest:
    request = posted(client, **changes)
    outcome = result()
    profiles = {request.profile: outcome.profile_json["profiles"]["tiny"]}
    outcome.profile_json = {**PROFILE_JSON, "profiles": profiles}
    finish(request, outcome)
    return request


def failed(
    client: Client, reason: Reason = Reason.IMAGE_TOO_BIG, *, stdout: str = "", stderr: str = ""
) -> ImageRequest:
    request = posted(client)
    held, worker = lease()
    queue.fail(
        held, worker, BuildFailedError(reason, "Selected packages exceed device storage.", stdout=stdout, stderr=stderr)
    )
    return request


def url(request: ImageRequest) -> str:
    return f"/api/v1/build/{request.request_hash}"


def test_queued_tells_how_many_are_ahead(client: Client) -> None:
    first = posted(client)
    second = posted(client, packages=["vim"])

    answer = client.get(url(second))

    assert (answer.status_code, answer.json()["status"], answer.json()["detail"]) == (202, 202, "queued")
    assert answer.json()["queue_position"] == 1
    assert answer["X-Queue-Position"] == "1"
    assert client.get(url(first)).json()["queue_position"] == 0
    assert "imagebuilder_status" not in answer.json()


def test_a_post_and_a_poll_of_the_same_state_say_the_same(client: Client) -> None:
    first = ask(client).json()

    assert client.get(f"/api/v1/build/{first['request_hash']}").json() == first
    assert ask(client).json() == first


@pytest.mark.parametrize("phase", list(Phase))
def test_building_tells_the_phase_and_no_position(client: Client, phase: Phase) -> None:
    request = posted(client)
    held, worker = lease()
    queue.beat(held, worker, phase)

    answer = client.get(url(request))

    assert answer.status_code == 202
    assert answer.json()["detail"] == "started"
    assert answer.json()["imagebuilder_status"] == answer["X-Imagebuilder-Status"] == phase.value
    assert "queue_position" not in answer.json()
    assert answer["X-Queue-Position"] == "0"


def test_done_has_everything_that_clients_read(client: Client) -> None:
    request = published(client, defaults="echo hi", filesystem="squashfs", client="owut/2026")

    answer = client.get(url(request))

    body = answer.json()
    assert answer.status_code == body["status"] == 200
    assert answer["X-Imagebuilder-Status"] == "done"
    assert body["detail"] == "done"
    assert body["bin_dir"] == body["request_hash"] == request.request_hash
    assert body["id"] == "tplink_archer-c7-v2"
    assert body["target"] == "ath79/generic"
    assert body["version_number"] == "24.10.2"
    assert body["version_code"] == "r28739-d9340319c6"
    assert body["titles"] == [{"vendor": "Demo", "model": "Tiny"}]
    assert body["manifest"] == {"base-files": "1", "vim": "9.1-r1"}
    assert body["build_at"] == "2025-06-23T20:40:36.000000Z"
    assert body["build_cmd"][:2] == ["make", "image"]
    assert body["stdout"] == "all went well" and body["stderr"] == ""
    assert body["request"]["defaults"] == "(7 bytes, not shown)"
    assert body["request"]["rootfs_size_mb"] is None
    assert {image["name"] for image in body["images"]} == set(DATA)
    for image in body["images"]:
        assert image["filesystem"] == "squashfs"
        assert image["type"] in ("sysupgrade", "factory")
        assert len(image["sha256"]) == len(image["sha256_unsigned"]) == 64
        assert image["size"] == len(DATA[image["name"]])


def test_a_post_of_a_finished_build_is_answered_at_once(client: Client) -> None:
    request = published(client)

    again = ask(client)

    assert again.status_code == 200
    assert again.json() == client.get(url(request)).json()


def test_a_final_answer_is_marked_for_the_layer_in_front_and_others_are_not(client: Client) -> None:
    waiting = posted(client, packages=["vim"])
    assert "asu.final" not in client.get(url(waiting)).wsgi_request.META
    Build.objects.all().delete()

    request = published(client)

    assert client.get(url(request)).wsgi_request.META["asu.final"] is True
    assert ask(client).wsgi_request.META["asu.final"] is True


def test_failed_tells_why_with_the_logs(client: Client) -> None:
    request = failed(client, stdout="out", stderr="err")

    answer = client.get(url(request))

    body = answer.json()
    assert answer.status_code == body["status"] == 500
    assert body["detail"] == "Error: Selected packages exceed device storage."
    assert (body["stdout"], body["stderr"]) == ("out", "err")
    assert body["request_hash"] == request.request_hash
    assert body["imagebuilder_status"] == answer["X-Imagebuilder-Status"] == "failed"
    assert ask(client).json() == body


def test_of_a_long_log_the_end_is_sent(client: Client) -> None:
    request = failed(client, stdout="first line\n" + "x" * 80 + "\n" + "noise\n" * 20_000 + "last line")

    stdout = client.get(url(request)).json()["stdout"]

    assert stdout.endswith("noise\nlast line")
    assert "first line" not in stdout
    assert len(stdout) < LOG_BYTES + 100


@pytest.mark.parametrize("reason", [Reason.IMAGE_TOO_BIG, Reason.MIRROR_UNREACHABLE])
def test_a_failure_is_the_answer_until_its_time_is_up(client: Client, reason: Reason, settings: Settings) -> None:
    request = failed(client, reason)
    assert request.build is not None
    assert ask(client).status_code == 500

    seconds = settings.ASU_USER_FAILURE_TTL if reason.is_users else settings.ASU_FAILURE_TTL
    in_the_past(request.build, "finished_at", seconds + 1)

    assert ask(client).json()["detail"] == "queued"


@pytest.mark.parametrize("state", ["queued", "building", "done", "failed", "unknown"])
def test_head_is_get_without_a_body(client: Client, state: str) -> None:
    if state == "unknown":
        address = f"/api/v1/build/{'0' * 64}"
    else:
        make: dict[str, Any] = {"done": published, "failed": failed}
        request = make.get(state, posted)(client)
        if state == "building":
            lease()
        address = url(request)

    got, head = client.get(address), client.head(address)

    assert head.content == b""
    assert head.status_code == got.status_code
    for name in ("X-Imagebuilder-Status", "X-Queue-Position"):
        assert head.get(name) == got.get(name)


@pytest.mark.parametrize("name", ["0" * 64, "x", "..", "%00", "a" * 500, "\uff21\uff22"])
def test_an_unknown_hash_is_404(client: Client, name: str) -> None:
    answer = client.get(f"/api/v1/build/{name}")

    assert answer.status_code == answer.json()["status"] == 404
    assert isinstance(answer.json()["detail"], str)


def test_a_hash_is_known_below_its_own_distribution_only(client: Client) -> None:
    make_target(distribution="demo")
    request = posted(client)

    assert client.get(f"/demo{url(request)}").status_code == 404
    assert client.get(f"/openwrt{url(request)}").status_code == 202


def test_an_expired_image_is_404_and_built_again_when_asked_for(client: Client) -> None:
    request = published(client)
    services.expire(Image.objects.get())

    assert client.get(url(request)).status_code == 404
    assert ask(client).json()["detail"] == "queued"
    assert client.get(url(request)).json()["detail"] == "queued"


def test_a_withdrawn_image_says_so_and_is_not_built_again(client: Client) -> None:
    request = published(client)
    Image.objects.update(**withdrawn("It had a hole."))

    # 400: what LuCI shows instead of asking for ever.
    for answer in (client.get(url(request)), ask(client)):
        assert answer.status_code == 400
        assert "It had a hole." in answer.json()["detail"]
    assert Build.objects.get().state == "done"


def test_the_addresses_of_2020_answer_the_same(client: Client) -> None:
    first = ask(client, "/api/build")

    assert first.json() == ask(client).json()
    assert client.get(f"/api/build/{first.json()['request_hash']}").json() == first.json()
