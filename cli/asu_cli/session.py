"""What all commands begin and end with: options in common, errors into exit codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from asu_cli import config
from asu_cli.config import Config, Pins
from asu_cli.errors import CliError, Exit, InterruptedByUserError, LocalError, UsageError
from asu_cli.link import Link, base_address
from asu_cli.output import Output
from asu_cli.server import Server
from asu_cli.usign import PublicKey

ServerOption = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="ASU_SERVER",
        metavar="URL",
        help="Address of the server, with the distribution where it has one: https://asu.example.org/openwrt.",
    ),
]
TokenOption = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="ASU_TOKEN",
        metavar="TOKEN",
        show_default=False,
        help="For private distributions. Better in the environment: others can see command lines.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
TimeoutOption = Annotated[
    float,
    typer.Option("--timeout", min=0.1, max=3600, metavar="SECONDS", help="For each answer of the server."),
]
PatienceOption = Annotated[
    float,
    typer.Option(
        "--patience",
        min=0,
        max=86400,
        metavar="SECONDS",
        help="How long to try again when the server is overloaded, or goes away in the middle.",
    ),
]
KeyOption = Annotated[
    list[Path],
    typer.Option("--key", metavar="FILE", show_default=False, help="Public usign key that must have signed the files."),
]
PollOption = Annotated[
    float,
    typer.Option(
        "--poll",
        min=0.05,
        max=600,
        metavar="SECONDS",
        help="How often to ask, where the server does not say.",
    ),
]


@contextmanager
def reporting(*, as_json: bool, quiet: bool = False) -> Iterator[Output]:
    """Where the command writes; what goes wrong inside becomes a sentence and an exit code."""
    output = Output(as_json=as_json, quiet=quiet)
    try:
        yield output
    except CliError as error:
        output.error(error)
        raise typer.Exit(int(error.exit_code)) from error
    except KeyboardInterrupt as error:
        output.error(InterruptedByUserError("Interrupted."))
        raise typer.Exit(int(Exit.INTERRUPTED)) from error
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
        output.error(LocalError(f"This machine does not let us: {what}."))
        raise typer.Exit(int(Exit.FAILED)) from error


def connect(server: str, token: str, timeout: float, patience: float, output: Output) -> Server:
    """The server of the options, else of the configuration."""
    kept = Config.load() if not (server and token) else Config()
    address = server or kept.server
    if not address:
        path = config.folder() / "config.toml"
        raise UsageError(f'Which server? Give --server URL, set ASU_SERVER, or write server = "URL" into {path}.')
    # A token from the file belongs to the server from the file.
    if not token and kept.token and (not server or base_address(server) == base_address(kept.server or server)):
        token = kept.token
    link = Link(address, token, timeout)
    if token and link.base.startswith("http://") and not _is_here(link.base):
        output.note("The token goes over http, where others can read it; better use https.")
    return Server(link, patience, output.note)


def _is_here(base: str) -> bool:
    host = base.removeprefix("http://").split("/")[0]
    return host.startswith(("127.", "localhost", "[::1]"))


def keys_for(server: Server, files: list[Path]) -> tuple[PublicKey, ...]:
    """The keys that must have signed: those of the options, else those pinned for the server."""
    return tuple(config.read_key(path) for path in files) or Pins().of(server.base)
