"""A worker's connection to the main server: kept between calls, and made anew when the server has ended it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.transports.base import TransportError
from builders.transports.http import PATH, Connection
from tests.packages.mirrors import Handler, Server, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


def hangs_up(*after: bool) -> Callable[[Handler], None]:
    """Answers so many times; ends the connection, without a word about it, after those that say so."""
    left = list(after)

    def answer(handler: Handler) -> None:
        handler.answer(200, b'{"went": "well"}')
        handler.close_connection = left.pop(0)

    return answer


def hangs_up_at_once(handler: Handler) -> None:
    handler.server.seen.append(("GET", handler.path, 0))
    handler.close_connection = True


def test_a_call_after_the_server_ended_an_idle_connection_goes_well(server: Server) -> None:
    server.faults[f"{PATH}/x"] = hangs_up(True, False)
    connection = Connection(server.url, "token")

    answers = [connection.call("GET", "x") for _ in range(2)]

    assert answers == [{"went": "well"}] * 2


def test_a_server_that_hangs_up_on_each_call_is_away(server: Server) -> None:
    server.faults[f"{PATH}/x"] = hangs_up(False)
    server.faults[f"{PATH}/y"] = hangs_up_at_once
    connection = Connection(server.url, "token")
    connection.call("GET", "x")

    with pytest.raises(TransportError):
        connection.call("GET", "y")

    assert len(server.paths(0)) == 2


def test_a_server_that_hangs_up_on_the_first_call_is_not_asked_twice(server: Server) -> None:
    server.faults[f"{PATH}/y"] = hangs_up_at_once

    with pytest.raises(TransportError):
        Connection(server.url, "token").call("GET", "y")

    assert len(server.paths(0)) == 1
