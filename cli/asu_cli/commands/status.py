"""`asu status` and `asu download`: a build that was asked for before."""

from pathlib import Path
from typing import Annotated

import typer

from asu_cli import fetching, session
from asu_cli.answers import Waiting
from asu_cli.fetching import Wanted
from asu_cli.following import follow
from asu_cli.output import Output
from asu_cli.server import Server

HashArgument = Annotated[str, typer.Argument(metavar="HASH", help="The request_hash that asu build printed.")]


def status(
    request_hash: HashArgument,
    follow_it: Annotated[bool, typer.Option("--follow", "-f", help="Wait until it is over.")] = False,
    poll: session.PollOption = 2.0,
    server: session.ServerOption = "",
    token: session.TokenOption = "",
    timeout: session.TimeoutOption = 30.0,
    patience: session.PatienceOption = 60.0,
    as_json: session.JsonOption = False,
    quiet: session.QuietOption = False,
) -> None:
    """Tells how it stands with a build; the exit code tells it too."""
    with session.reporting(as_json=as_json, quiet=quiet) as output:
        there = session.connect(server, token, timeout, patience, output)
        state = there.state(request_hash)
        if follow_it:
            with output.progress():
                state = follow(there, state, output, poll)
        if isinstance(state, Waiting):
            _say_waiting(there, state, output)
            return
        names = [f"{image.name} ({image.type}, {image.filesystem})" for image in state.images]
        rows = [f"done: {state.version} for {state.profile}", *names]
        output.result(fetching.document(there, state, []), rows)


def _say_waiting(server: Server, state: Waiting, output: Output) -> None:
    word = "building" if state.phase else "queued"
    document = {
        "status": word,
        "exit_code": 0,
        "server": server.base,
        "request_hash": state.request_hash,
        "phase": state.phase or None,
        "queue_position": state.position,
        "wait_seconds": state.wait_seconds,
        "hint": state.hint or None,
    }
    output.result(document, [output.words(state), *([state.hint] if state.hint else [])])


def download(
    request_hash: HashArgument,
    image_type: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="E.g. factory; default: to upgrade with.")
    ] = None,
    filesystem: Annotated[str, typer.Option("--filesystem", help="E.g. squashfs.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All images.")] = False,
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to put it.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files of that name.")] = False,
    key: session.KeyOption = [],  # noqa: B006 # typer copies it
    poll: session.PollOption = 2.0,
    server: session.ServerOption = "",
    token: session.TokenOption = "",
    timeout: session.TimeoutOption = 30.0,
    patience: session.PatienceOption = 60.0,
    as_json: session.JsonOption = False,
    quiet: session.QuietOption = False,
) -> None:
    """Fetches and verifies the image of a build; waits for one that is not ready yet."""
    with session.reporting(as_json=as_json, quiet=quiet) as output:
        there = session.connect(server, token, timeout, patience, output)
        keys = session.keys_for(there, key)
        with output.progress():
            ready = follow(there, there.state(request_hash), output, poll)
            wanted = Wanted(folder, image_type or [], filesystem, everything, force)
            fetched = fetching.fetch(there, ready, wanted, keys, output)
        fetching.say_what_was_checked(fetched, output)
        output.result(fetching.document(there, ready, fetched), fetching.rows(fetched))
