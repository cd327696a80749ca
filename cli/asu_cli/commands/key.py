"""`asu key`: the public keys that the images of a server must be signed by."""

from pathlib import Path
from typing import Annotated

import typer

from asu_cli import config, session
from asu_cli.config import Pins
from asu_cli.errors import RefusedError

app = typer.Typer(help="Pins the public keys that a server's images must be signed by.", no_args_is_help=True)


@app.command()
def pin(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Public usign key, from the server's maintainers.")],
    server: session.ServerOption = "",
    as_json: session.JsonOption = False,
) -> None:
    """From now on nothing of this server is kept unless this key (or another pinned one) signed it."""
    with session.reporting(as_json=as_json) as output:
        there = session.connect(server, "", 30, 0, output)
        key = config.read_key(file)
        is_new = Pins().add(there.base, key)
        document = {"status": "pinned", "exit_code": 0, "server": there.base, "key": key.fingerprint, "is_new": is_new}
        output.result(document, [f"{key.fingerprint} is pinned for {there.base}."])


@app.command("list")
def list_keys(server: session.ServerOption = "", as_json: session.JsonOption = False) -> None:
    """Lists the keys pinned for a server."""
    with session.reporting(as_json=as_json) as output:
        there = session.connect(server, "", 30, 0, output)
        keys = [key.fingerprint for key in Pins().of(there.base)]
        output.result({"status": "listed", "exit_code": 0, "server": there.base, "keys": keys}, keys)


@app.command()
def forget(
    fingerprint: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="16 hex digits, as asu key list prints.")],
    server: session.ServerOption = "",
    as_json: session.JsonOption = False,
) -> None:
    """Unpins a key."""
    with session.reporting(as_json=as_json) as output:
        there = session.connect(server, "", 30, 0, output)
        if not Pins().remove(there.base, fingerprint):
            raise RefusedError(f"No key of that fingerprint is pinned for {there.base}.")
        output.result({"status": "forgotten", "exit_code": 0, "server": there.base}, ["Forgotten."])
