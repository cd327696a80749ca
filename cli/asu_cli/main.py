"""The command `asu`."""

import io
import signal
import sys
from typing import Annotated

import typer

from asu_cli import __version__
from asu_cli.commands import build, check, compare, key, status

_EPILOG = """Exit codes: 0 done, or there is something newer; 1 this machine failed (disk, ssh); 2 wrong usage;
3 nothing newer, or no difference; 4 the server refuses the request or does not know it; 5 the build failed;
6 the server is unreachable, overloaded, or none of this kind; 7 a file could not be verified and was not kept;
8 the build was cancelled; 130 interrupted."""

app = typer.Typer(
    name="asu",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
app.command("check", short_help="Tells what is newer for a device.")(check.check)
app.command("build")(build.build)
app.command("status")(status.status)
app.command("download", short_help="Fetches and verifies the image of a build.")(status.download)
app.command("compare")(compare.compare)
app.add_typer(key.app, name="key")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"asu {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Asks a server that builds firmware for routers on demand: what is newer, build it, fetch it, verify it.

    The server is named by --server, by ASU_SERVER, or in the file ~/.config/asu/config.toml (server = "URL").
    """


def run() -> None:
    """What the command `asu` starts."""
    # Ends in order, so that the terminal gets its cursor back.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # whatever the locale: a name in another script is no failure
    try:
        app(prog_name="asu")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    run()
