"""`asu compare`: which packages differ between two images, an image and a device, or two releases."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from asu_cli import catalogue, config, device, names, releases, session, texts
from asu_cli.answers import Waiting
from asu_cli.errors import Exit, RefusedError, UsageError
from asu_cli.server import Server

_SIDE = "A request_hash, a FILE with packages (-: stdin), or a release."


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help=_SIDE)],
    second: Annotated[str, typer.Argument(metavar="B", help=_SIDE)],
    target: Annotated[str, typer.Option(help="Of the device, for releases.")] = "",
    profile: Annotated[str, typer.Option(help="Of the device, for releases.")] = "",
    server: session.ServerOption = "",
    token: session.TokenOption = "",
    timeout: session.TimeoutOption = 30.0,
    patience: session.PatienceOption = 60.0,
    as_json: session.JsonOption = False,
    quiet: session.QuietOption = False,
) -> None:
    """Lists packages added, gone and changed from A to B.

    Each of A and B is a request_hash (what is in that image), a file with packages in any form that asu check takes, or
    a release (its default packages for --target and --profile). Exit code 0: they differ; 3: they do not.
    """
    with session.reporting(as_json=as_json, quiet=quiet) as output:
        if first == second == "-":
            raise UsageError("Only one of the two can come from the standard input.")
        there = session.connect(server, token, timeout, patience, output)
        sides = _Sides(there, target, profile)
        old, new = sides.packages(first), sides.packages(second)
        document = _difference(old, new)
        is_equal = not (document["added"] or document["gone"] or document["changed"])
        code = Exit.NOTHING_NEWER if is_equal else Exit.OK
        whole = {"status": "equal" if is_equal else "different", "exit_code": int(code), "a": first, "b": second}
        output.result({**whole, **document}, _rows(document))
    raise typer.Exit(int(code))


class _Sides:
    """Finds out what is behind a word; the overview is read once."""

    def __init__(self, server: Server, target: str, profile: str) -> None:
        self._server = server
        self._target = target
        self._profile = profile

    def packages(self, word: str) -> Mapping[str, str]:
        if names.REQUEST_HASH.fullmatch(word):
            return self._of_image(word)
        if word == "-" or Path(word).is_file():
            return device.packages(config.read_text(Path(word), "package list"))
        if names.VERSION.fullmatch(word):
            return self._of_release(word)
        raise UsageError(f"{texts.line(word, 60)!r} is no request_hash, no file that is there, and no release.")

    def _of_image(self, request_hash: str) -> Mapping[str, str]:
        state = self._server.state(request_hash)
        if isinstance(state, Waiting):
            raise RefusedError(
                "The image is not built yet; wait for it by asu status --follow.", request_hash=request_hash
            )
        return state.manifest

    def _of_release(self, version: str) -> Mapping[str, str]:
        asked = device.checked(
            device.Device(version, self._target, self._profile), ways="A release is compared for a device: give"
        )
        overview = self._server.overview()
        for branch in releases.branches(overview):
            if version in branch.versions:
                found = catalogue.offer(self._server, overview, branch, version, asked.target, asked.profile)
                if not found.profile:
                    raise RefusedError(f"{version} has no {asked.profile} in {asked.target}, as far as can be told.")
                return {name: found.available.get(name, "") for name in found.default_packages}
        raise RefusedError(f"The server does not offer the release {version}.")


def _difference(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    both = sorted(old.keys() & new.keys())
    return {
        "added": {name: new[name] for name in sorted(new.keys() - old.keys())},
        "gone": {name: old[name] for name in sorted(old.keys() - new.keys())},
        # A version that is not told is none to compare.
        "changed": {
            name: [old[name], new[name]] for name in both if old[name] and new[name] and old[name] != new[name]
        },
        "same": sum(1 for name in both if not (old[name] and new[name]) or old[name] == new[name]),
    }


def _rows(difference: Mapping[str, Any]) -> list[str]:
    rows = [f"+ {name} {version}".rstrip() for name, version in difference["added"].items()]
    rows += [f"- {name} {version}".rstrip() for name, version in difference["gone"].items()]
    rows += [f"~ {name} {old} -> {new}" for name, (old, new) in difference["changed"].items()]
    return [*rows, f"The same in both: {difference['same']}."]
