"""Waits for a build, as often as the server wants to be asked."""

import time

from asu_cli.answers import Ready, Waiting
from asu_cli.output import Output
from asu_cli.server import Server

_LEAST, _MOST = 0.05, 60.0


def follow(server: Server, state: Waiting | Ready, output: Output, poll: float) -> Ready:
    """Asks until it is over. `poll`: seconds between two questions where the server does not say (`Retry-After`)."""
    while isinstance(state, Waiting):
        output.waiting(state)
        pause = poll if state.retry_after is None else state.retry_after
        time.sleep(min(max(pause, _LEAST), _MOST))
        state = server.state(state.request_hash, is_known=True)
    return state
