"""What every answer has in common: CORS, safety headers, errors that programs can read."""

from collections.abc import Iterator

import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import Client
from django.urls import path
from django.views.decorators.http import require_GET, require_POST
from pytest_django import Settings
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


def _crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("/srv/secret")


def _without_database(request: HttpRequest) -> HttpResponse:
    raise OperationalError("server closed the connection unexpectedly at 10.0.0.1")


def _suspicious(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("no")


def _final(request: HttpRequest) -> HttpResponse:
    request.META["asu.final"] = True
    return HttpResponse(b'{"status": 200}', content_type="application/json")


def _moved(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("/json/v1/overview.json")


@require_POST
def _change(request: HttpRequest) -> HttpResponse:
    return HttpResponse("{}", content_type="application/json")


class _Invalid(APIView):
    def get(self, request: Request) -> Response:
        raise ValidationError({"packages": ["Not a list.", "Really."], "version": ["Missing."]})


urlpatterns = [
    path("api/crash", _crash),
    path("images/crash/", _crash),
    path("api/away", _without_database),
    path("images/away/", _without_database),
    path("api/suspicious", _suspicious),
    path("api/final", _final),
    path("api/moved", _moved),
    path("api/change", _change),
    path("api/get", require_GET(_final)),
    path("api/invalid", _Invalid.as_view()),
]

# The pages of errors look for incidents.
pytestmark = [pytest.mark.urls("tests.asu_site.test_middleware"), pytest.mark.django_db]


@pytest.fixture
def client() -> Iterator[Client]:
    yield Client(raise_request_exception=False, enforce_csrf_checks=True)


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("get", "/api/crash", 500),
        ("get", "/api/away", 503),
        ("get", "/api/suspicious", 400),
        ("get", "/api/unknown", 404),
        ("get", "/demo/json/v1/unknown", 404),
        ("get", "/store/unknown", 404),
        ("get", "/nothing/of/the/kind", 404),
        ("get", "/api/a%00b", 404),
        ("post", "/api/get", 405),
        ("get", "/api/invalid", 400),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_every_error_of_the_api_is_a_json_object(
    client: Client, settings: Settings, method: str, address: str, status: int, debug: bool
) -> None:
    settings.DEBUG = debug

    answer = getattr(client, method)(address)

    body = answer.json()
    assert answer.status_code == body["status"] == status
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert int(answer["Content-Length"]) == len(answer.content)
    assert b"secret" not in answer.content


def test_several_faults_are_one_sentence(client: Client) -> None:
    answer = client.get("/api/invalid")

    assert answer.json()["detail"] == "packages: Not a list. Really.; version: Missing."


def test_a_database_that_is_away_is_told_as_such_and_not_as_a_mistake(client: Client) -> None:
    program, page = client.get("/api/away"), client.get("/images/away/")

    assert (program.status_code, page.status_code) == (503, 503)
    assert program.json()["detail"] == "The server is away for a moment. Please try again."
    assert page["Content-Type"].startswith("text/html")
    assert b"10.0.0.1" not in program.content + page.content


def test_people_get_a_page(client: Client) -> None:
    crash = client.get("/images/crash/")
    unknown = client.get("/nothing", headers={"Accept": "text/html,*/*"})

    assert crash.status_code == 500
    assert crash["Content-Type"].startswith("text/html")
    assert b"Our mistake" in crash.content
    assert unknown.status_code == 404
    assert b"Nothing here" in unknown.content


def test_a_method_not_allowed_says_which_are(client: Client) -> None:
    answer = client.get("/api/change")

    assert answer.status_code == 405
    assert answer["Allow"] == "POST"


@pytest.mark.parametrize("address", ["/api/final", "/api/moved", "/api/crash", "/api/unknown", "/images/crash/"])
def test_every_answer_may_be_read_from_other_origins(client: Client, address: str) -> None:
    answer = client.get(address)

    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "X-Unknown-Package" in answer["Access-Control-Expose-Headers"]
    assert "X-Imagebuilder-Status" in answer["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "address", ["/api/v1/build", "/demo/api/v1/build", "/store/x/y", "/json/v1/a.json", "/api/moved"]
)
def test_a_preflight_is_answered_anywhere(client: Client, address: str) -> None:
    answer = client.options(address, headers={"Access-Control-Request-Headers": "content-type, x-fork"})

    assert answer.status_code == 204
    assert answer.content == b""
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Allow-Methods"] == "GET, HEAD, POST, OPTIONS"
    assert answer["Access-Control-Allow-Headers"] == "content-type, x-fork"
    assert answer["Access-Control-Max-Age"] == "86400"


def test_a_preflight_that_names_no_header_may_send_the_usual_one(client: Client) -> None:
    assert client.options("/api/v1/build")["Access-Control-Allow-Headers"] == "Content-Type"


def test_programs_need_no_token_to_post(client: Client) -> None:
    assert client.post("/api/change").status_code == 200


@pytest.mark.parametrize("address", ["/api/final", "/api/crash", "/images/crash/"])
def test_browsers_are_told_to_be_careful(client: Client, address: str) -> None:
    answer = client.get(address)

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]


def test_a_final_answer_is_unchanged_for_who_has_it(client: Client) -> None:
    first = client.get("/api/final")
    second = client.get("/api/final", headers={"If-None-Match": first["ETag"]})
    other = client.get("/api/final", headers={"If-None-Match": '"else"'})

    assert first.status_code == 200
    assert second.status_code == 304
    assert second.content == b""
    assert second["Access-Control-Allow-Origin"] == "*"
    assert other.status_code == 200
