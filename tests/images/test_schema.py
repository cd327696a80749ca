"""The published schema is true: real answers fit it."""

import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.test import Client

from builders import queue
from images.api.docs import schema
from images.models import ImageRequest
from tests.factories import make_worker
from tests.images.factories import ask, make_target, wish
from tests.images.test_answers import failed, published

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def target() -> None:
    make_target()


def check(answer: Any, path: str, method: str = "get") -> None:
    """Raises unless the answer's status is in the schema and its body fits."""
    document = schema()
    described = document["paths"][path][method]["responses"][str(answer.status_code)]
    shape = described["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**shape, "components": document["components"]}).validate(answer.json())


BUILD, STATE = "/api/v1/build", "/api/v1/build/{request_hash}"


def test_pending_answers_fit(client: Client) -> None:
    queued = ask(client)
    check(queued, BUILD, "post")

    queue.lease(make_worker())

    check(client.get(f"/api/v1/build/{queued.json()['request_hash']}"), STATE)


def test_a_finished_answer_fits(client: Client) -> None:
    request = published(client, defaults="echo", rootfs_size_mb=64)

    check(client.get(f"/api/v1/build/{request.request_hash}"), STATE)
    check(ask(client, defaults="echo", rootfs_size_mb=64), BUILD, "post")


def test_a_failed_answer_fits(client: Client) -> None:
    request = failed(client, stderr="oh")

    check(client.get(f"/api/v1/build/{request.request_hash}"), STATE)


@pytest.mark.parametrize("changes", [{"version": "9"}, {"packages": ["no-such"]}, {"version_code": "r1"}])
def test_refusals_fit(client: Client, changes: dict[str, Any]) -> None:
    check(ask(client, **changes), BUILD, "post")
    assert not ImageRequest.objects.exists()


@pytest.mark.parametrize("version", ["24.10.1", "24.10.2", "24.10.9"])
def test_what_is_newer_fits(client: Client, version: str) -> None:
    make_target(version="24.10.1", is_complete=False)
    body = wish(version=version, packages={"luci": "1", "none": "1"}, network_profile="a/b")

    check(client.post("/api/v1/check", body, content_type="application/json"), "/api/v1/check", "post")


def test_a_dropped_device_fits(client: Client) -> None:
    make_target(version="25.12.0", name="x86/64", is_complete=False)
    body = wish(reach="distribution")

    answer = client.post("/api/v1/check", body, content_type="application/json")

    assert answer.json()["dropped"]
    check(answer, "/api/v1/check", "post")


def test_an_unknown_hash_fits(client: Client) -> None:
    check(client.get("/api/v1/build/x"), STATE)


@pytest.mark.parametrize(
    ("path", "described"),
    [
        ("/api/v1/overview", "/api/v1/overview"),
        ("/api/v1/latest", "/api/v1/latest"),
        ("/json/v1/branches.json", "/json/v1/branches.json"),
        ("/api/v1/revision/24.10.2/ath79/generic", "/api/v1/revision/{version}/{target}/{subtarget}"),
        (
            "/json/v1/releases/24.10.2/targets/ath79/generic/index.json",
            "/json/v1/releases/{version}/targets/{target}/{subtarget}/index.json",
        ),
    ],
)
def test_documents_fit(client: Client, path: str, described: str) -> None:
    check(client.get(path), described)


def test_our_requests_fit() -> None:
    shape = {**schema()["components"]["schemas"]["Wish"], "components": schema()["components"]}

    jsonschema.Draft202012Validator(shape).validate(wish(packages_versions={"a": "1"}, defaults=None))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(shape).validate(wish(version=None))


def test_the_schema_is_served_as_json_and_yaml(client: Client) -> None:
    assert client.get("/api/v1/schema").json()["openapi"].startswith("3.1")
    yaml = client.get("/api/v1/schema?format=yaml")
    assert yaml["Content-Type"] == "application/yaml"
    assert yaml.content.startswith(b"openapi: 3.1")


def test_the_docs_page_shows_every_call_and_needs_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/docs/")

    text = page.content.decode()
    assert page.status_code == 200
    for path in schema()["paths"]:
        assert path in text
    assert "packages_versions" in text
    assert re.findall(r'src="(?!/static/)', text) == []
    assert 'href="http' not in text and "href='http" not in text


def test_the_docs_page_shows_code_as_code_and_the_words_to_choose_from(client: Client) -> None:
    text = client.get("/docs/").content.decode()

    assert "`" not in text
    assert "<code>queued</code> or <code>started</code>" in text
    assert "<code>&lt;target&gt;/&lt;subtarget&gt;</code>" in text
