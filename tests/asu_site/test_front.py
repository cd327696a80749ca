"""The layer between the web server and Django: bodies, slashes, kept answers."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from asu_site.front import Front
from packages import generation


class Chunked(io.RawIOBase):
    """A body as a server hands it on when the client sent chunks: pieces as they come, and no length."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.was_read = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        if 0 <= size < len(piece):
            self._pieces.insert(0, piece[size:])
            piece = piece[:size]
        self.was_read += len(piece)
        return piece


class App:
    """A WSGI application that tells what reached it, and how often it was asked."""

    def __init__(self, *, is_final: bool = False, status: str = "200 OK") -> None:
        self.is_final = is_final
        self.status = status
        self.asked = 0
        self.seen: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.asked += 1
        length = int(environ.get("CONTENT_LENGTH") or 0)
        self.seen = {
            "path": environ["PATH_INFO"],
            "query": environ["QUERY_STRING"],
            "body": environ["wsgi.input"].read(length),
        }
        if self.is_final:
            environ["asu.final"] = True
        start_response(self.status, [("Content-Type", "application/json"), ("ETag", '"abc"'), ("X-Made", "Django")])
        return [b'{"asked": ', str(self.asked).encode(), b"}"]


def call(
    app: Any, path: str, method: str = "GET", body: Any = b"", **environ: str
) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body of one call."""
    said: list[Any] = []
    stream = io.BytesIO(body) if isinstance(body, bytes) else body
    values = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "wsgi.input": stream,
        "wsgi.input_terminated": True,
        **environ,
    }
    data = b"".join(app(values, lambda *words: said.append(words)))
    return said[-1][0], dict(said[-1][1]), data


@pytest.fixture(params=["GET", "POST"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# -- bodies and paths ----------------------------------------------------------------------------------------


def test_a_body_in_chunks_without_a_length_arrives_whole() -> None:
    app = App()

    call(Front(app), "/api/v1/build", "POST", Chunked(b'{"ver', b"sion", b'":1}'), HTTP_TRANSFER_ENCODING="chunked")

    assert app.seen["body"] == b'{"version":1}'


def test_a_body_with_a_length_arrives_too() -> None:
    app = App()

    call(Front(app), "/api/v1/build", "POST", b"0123456789", CONTENT_LENGTH="10")

    assert app.seen["body"] == b"0123456789"


def test_a_body_shorter_than_its_length_is_no_longer_than_what_came() -> None:
    app = App()

    call(Front(app), "/api/v1/build", "POST", b"0123", CONTENT_LENGTH="10")

    assert app.seen["body"] == b"0123"


class Stalled(io.RawIOBase):
    """A body whose sender waits in the middle of it."""

    def __init__(self) -> None:
        self.is_read = threading.Event()
        self.goes_on = threading.Event()

    def read(self, size: int = -1) -> bytes:
        self.is_read.set()
        self.goes_on.wait(60)
        return b""


def test_clients_that_keep_us_waiting_for_their_bodies_leave_threads_for_others() -> None:
    front = Front(App(), most_reading=1)
    stalled = Stalled()
    slow = threading.Thread(target=call, args=(front, "/api/v1/build", "POST", stalled), kwargs={"CONTENT_LENGTH": "9"})
    slow.start()
    stalled.is_read.wait(60)

    refused, _, body = call(front, "/api/v1/build", "POST", b"{}", CONTENT_LENGTH="2")
    read, _, _ = call(front, "/api/v1/build/abc")
    stalled.goes_on.set()
    slow.join()
    accepted, _, _ = call(front, "/api/v1/build", "POST", b"{}", CONTENT_LENGTH="2")

    assert refused.startswith("503")
    assert json.loads(body)["status"] == 503
    assert read.startswith("200")
    assert accepted.startswith("200")


def test_several_slashes_are_one_and_the_query_stays() -> None:
    app = App()

    call(Front(app), "//api///v1//build", QUERY_STRING="a=//b")

    assert app.seen["path"] == "/api/v1/build"
    assert app.seen["query"] == "a=//b"


@pytest.mark.parametrize("length", [{"CONTENT_LENGTH": "2000"}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_a_body_over_the_limit_is_refused_as_json_and_let_finish(settings: Settings, length: dict[str, str]) -> None:
    settings.ASU_MAX_BODY = 1024
    app = App()
    body = Chunked(*[b"x" * 100] * 20)

    status, headers, data = call(Front(app), "/api/v1/build", "POST", body, **length)

    assert status.startswith("413 ")
    assert json.loads(data)["status"] == 413
    assert "1024" in json.loads(data)["detail"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert app.asked == 0
    assert body.was_read == 2000


def test_people_are_told_of_a_body_over_the_limit_in_a_page(settings: Settings) -> None:
    settings.ASU_MAX_BODY = 1024

    status, headers, data = call(Front(App()), "/updates/", "POST", Chunked(b"x" * 2000), CONTENT_LENGTH="2000")

    assert status.startswith("413 ")
    assert headers["Content-Type"].startswith("text/html") and b"larger than 1024 bytes" in data


def test_a_length_that_is_no_number_is_not_believed() -> None:
    app = App()

    call(Front(app), "/api/v1/build", "POST", b"{}", CONTENT_LENGTH="-5")

    assert app.seen["body"] == b"{}"


def test_a_failure_outside_django_is_json_without_a_traceback() -> None:
    def broken(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        raise RuntimeError("secret path /srv")

    status, _, data = call(Front(broken), "/api/v1/build")

    assert status.startswith("500 ")
    assert json.loads(data)["status"] == 500
    assert b"secret" not in data


def test_a_database_that_is_away_is_told_as_such_on_the_short_way_too() -> None:
    def away(environ: dict[str, Any]) -> None:
        raise OperationalError("server closed the connection unexpectedly at 10.0.0.1")

    status, _, data = call(Front(App(), hot=away), "/api/v1/build", "POST", b"{}")

    assert status == "503 Service Unavailable"
    assert json.loads(data)["detail"] == "The server is away for a moment. Please try again."


# -- kept answers --------------------------------------------------------------------------------------------


def test_a_final_answer_is_given_again_without_asking_with_the_same_headers(method: str) -> None:
    app = App(is_final=True)
    front = Front(app)

    first = call(front, "/api/v1/build/1", method, b"{}")
    second = call(front, "/api/v1/build/1", method, b"{}")

    assert app.asked == 1
    assert first == second
    assert second[1]["X-Made"] == "Django"


def test_an_answer_that_is_not_final_is_asked_for_each_time(method: str) -> None:
    app = App()
    front = Front(app)

    call(front, "/x", method)
    call(front, "/x", method)

    assert app.asked == 2


def test_an_error_is_never_kept(method: str) -> None:
    app = App(is_final=True, status="500 Internal Server Error")
    front = Front(app)

    call(front, "/x", method)
    call(front, "/x", method)

    assert app.asked == 2


def test_another_body_is_another_question() -> None:
    app = App(is_final=True)
    front = Front(app)

    call(front, "/api/v1/build", "POST", b'{"a":1}')
    call(front, "/api/v1/build", "POST", b'{"a":2}')

    assert app.asked == 2


def test_the_answer_to_a_post_is_not_the_answer_to_a_get() -> None:
    app = App(is_final=True)
    front = Front(app)

    call(front, "/api/v1/build", "POST", b"")
    call(front, "/api/v1/build", "GET")

    assert app.asked == 2


def test_cache_busters_and_more_slashes_do_not_make_another_question() -> None:
    app = App(is_final=True)
    front = Front(app)

    call(front, "/api/v1/build", "POST", b"{}", QUERY_STRING="1795424362881")
    call(front, "//api/v1/build", "POST", b"{}", QUERY_STRING="1795424362882")

    assert app.asked == 1


def test_a_change_of_the_catalogue_or_an_image_drops_what_was_kept() -> None:
    app = App(is_final=True)
    front = Front(app)
    call(front, "/x")

    generation.bump()
    call(front, "/x")

    assert app.asked == 2


def test_an_answer_made_while_something_changed_is_not_kept_as_new() -> None:
    class Changing(App):
        def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            generation.bump()
            return super().__call__(environ, start_response)

    app = Changing(is_final=True)
    front = Front(app)

    call(front, "/x")
    call(front, "/x")

    assert app.asked == 2


def test_keeping_can_be_switched_off(settings: Settings) -> None:
    settings.ASU_FAST_ANSWER_SECONDS = 0
    app = App(is_final=True)
    front = Front(app)

    call(front, "/x")
    call(front, "/x")

    assert app.asked == 2


def test_who_has_the_answer_already_gets_304_without_a_body() -> None:
    front = Front(App(is_final=True))
    call(front, "/x")

    status, headers, data = call(front, "/x", HTTP_IF_NONE_MATCH='"zzz", W/"abc"')

    assert status.startswith("304 ")
    assert headers == {"ETag": '"abc"', "X-Made": "Django"}
    assert data == b""


def test_head_gets_the_headers_of_a_kept_answer_and_no_body() -> None:
    front = Front(App(is_final=True))
    call(front, "/x")

    status, headers, data = call(front, "/x", "HEAD")

    assert status == "200 OK"
    assert headers["X-Made"] == "Django"
    assert data == b""


def test_the_short_way_is_asked_first_and_may_decline() -> None:
    app = App()
    answers: list[Any] = [(202, [("X-Made", "short way")], b"{}"), None]
    front = Front(app, hot=lambda environ: answers.pop(0))

    short = call(front, "/demo/api/v1/build", "POST", b"{}")
    long = call(front, "/demo/api/v1/build", "POST", b"{}")

    assert short[0] == "202 Accepted"
    assert short[1]["X-Made"] == "short way"
    assert short[1]["Access-Control-Allow-Origin"] == "*"
    assert short[1]["X-Content-Type-Options"] == "nosniff"
    assert long[1]["X-Made"] == "Django"


def test_a_final_answer_of_the_short_way_is_kept() -> None:
    app = App()
    asked = []

    def hot(environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        asked.append(environ["wsgi.input"].read())
        environ["asu.final"] = True
        return 200, [("X-Made", "short way")], b"{}"

    front = Front(app, hot=hot)

    first = call(front, "/api/v1/build", "POST", b'{"a":1}')
    second = call(front, "/api/v1/build", "POST", b'{"a":1}')

    assert asked == [b'{"a":1}']
    assert first == second
