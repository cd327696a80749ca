"""Waits for a build, as often as the server wants to be asked."""

import time
from collections.abc import Callable

from asu_cli.answers import Ready, Waiting
from asu_cli.errors import RefusedError
from asu_cli.output import Output
from asu_cli.server import Server, is_unknown

_LEAST, _MOST = 0.05, 60.0

Asking = Callable[[], Waiting | Ready]


def follow(
    server: Server, state: Waiting | Ready, output: Output, poll: float, ask_anew: Asking | None = None
) -> Ready:
    """Asks until it is over. `poll`: seconds between two questions where the server does not say (`Retry-After`).

    `ask_anew` sends the request once more, which finds the same build, for when the server does not know the hash: it
    forgot it, or tells it only below the address of the distribution that the request names.
    """
    while isinstance(state, Waiting):
        output.waiting(state)
        pause = poll if state.retry_after is None else state.retry_after
        time.sleep(min(max(pause, _LEAST), _MOST))
        try:
            state = server.state(state.request_hash, is_known=True)
        except RefusedError as error:
            if ask_anew is None or not is_unknown(error):
                raise
            state = ask_anew()
    return state
