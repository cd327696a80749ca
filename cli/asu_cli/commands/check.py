"""`asu check`: is there something newer for a device?"""

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from asu_cli import config, device, over_ssh, session, texts, upgrades
from asu_cli.device import Device
from asu_cli.errors import Exit, UsageError
from asu_cli.output import Output
from asu_cli.server import Server
from asu_cli.upgrades import Verdict
from asu_cli.wishes import CLIENT


class Reach(StrEnum):
    """How far a check looks."""

    BRANCH = "branch"
    DISTRIBUTION = "distribution"


def check(
    board: Annotated[
        Path | None,
        typer.Option("--board", metavar="FILE", help="Output of `ubus call system board` (-: stdin)."),
    ] = None,
    packages: Annotated[
        Path | None,
        typer.Option(
            "--packages",
            metavar="FILE",
            help="Its packages (-: stdin): output of `opkg list-installed`, `apk list -I`, `apk info -v` or "
            "`ubus call rpc-sys packagelist`, /etc/apk/world, or JSON.",
        ),
    ] = None,
    ssh: Annotated[
        str | None,
        typer.Option("--ssh", metavar="USER@HOST", help="Ask the device itself, by the program ssh."),
    ] = None,
    distribution: Annotated[str | None, typer.Option(help="E.g. openwrt.")] = None,
    version: Annotated[str | None, typer.Option(help="The release that it runs.")] = None,
    revision: Annotated[str | None, typer.Option(help="The revision that it runs, e.g. r28739-d9340319c6.")] = None,
    target: Annotated[str | None, typer.Option(help="E.g. ath79/generic.")] = None,
    profile: Annotated[str | None, typer.Option(help="Its profile or board name.")] = None,
    reach: Annotated[
        Reach, typer.Option(help="The newest release of its own branch, or of the whole distribution.")
    ] = Reach.BRANCH,
    updates: Annotated[
        bool, typer.Option("--package-updates/--no-package-updates", help="Newer packages count too.")
    ] = True,
    server: session.ServerOption = "",
    token: session.TokenOption = "",
    timeout: session.TimeoutOption = 30.0,
    patience: session.PatienceOption = 60.0,
    as_json: session.JsonOption = False,
    quiet: session.QuietOption = False,
) -> None:
    """Tells what is newer for a device: a release, packages, and what they are called now.

    Exit code 0: there is something; 3: there is not. With --json the answer holds the request for asu build:
    asu check ... --json | asu build --from-check -
    """
    with session.reporting(as_json=as_json, quiet=quiet) as output:
        there = session.connect(server, token, timeout, patience, output)
        asked = _from_files(board, packages) if ssh is None else _from_ssh(ssh, output)
        told: dict[str, Any] = {
            "distribution": distribution,
            "version": version,
            "revision": revision,
            "target": target,
            "profile": profile,
        }
        asked = device.checked(replace(asked, **{name: value for name, value in told.items() if value is not None}))
        verdict, source = _verdict(there, asked, reach, updates)
        for note in verdict.notes:
            output.note(note)
        code = Exit.OK if verdict.is_something else Exit.NOTHING_NEWER
        output.result(_document(there, asked, verdict, source, code), _rows(asked, verdict))
    raise typer.Exit(int(code))


def _from_files(board: Path | None, packages: Path | None) -> Device:
    if board and packages and str(board) == str(packages) == "-":
        raise UsageError("Only one of --board and --packages can come from the standard input.")
    found = device.from_board(config.read_json(board, "board data")) if board else Device("", "", "")
    if packages:
        found = replace(found, packages=device.packages(config.read_text(packages, "package list")))
    return found


def _from_ssh(login: str, output: Output) -> Device:
    board, packages, is_efi = over_ssh.ask(login)
    try:
        found = device.from_board(json.loads(board))
    except ValueError as error:
        raise UsageError(f"{login} did not tell what it is: is it a router with ubus?") from error
    if is_efi:
        output.note("The device boots by EFI: fetch its image by asu build --type combined-efi.")
    return replace(found, packages=device.packages(packages))


def _verdict(server: Server, asked: Device, reach: Reach, updates: bool) -> tuple[Verdict, str]:
    """From the server itself where it can be asked, else worked out from its documents."""
    document = server.check(_question(asked, reach, updates))
    if document is not None:
        verdict = upgrades.from_server(document, asked)
        _note_other_address(server, verdict)
        return verdict, "server"
    return upgrades.look(server, asked, reach.value, updates), "documents"


def _note_other_address(server: Server, verdict: Verdict) -> None:
    """A distribution may go on under another name, and then at another address."""
    distribution = (verdict.request or {}).get("distro")
    here = urlsplit(server.base).path.rpartition("/")[2]
    if isinstance(distribution, str) and here and here != distribution:
        name = texts.line(distribution, 40)
        verdict.notes.append(f"The newer release is of {name}: have it built at the address of {name}, not of {here}.")


def _question(asked: Device, reach: Reach, updates: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "version": asked.version,
        "target": asked.target,
        "profile": asked.profile,
        "reach": "channel" if reach is Reach.BRANCH else "distribution",
        "client": CLIENT,
        "package_updates": updates,
    }
    if asked.distribution:
        body["distro"] = asked.distribution
    elif asked.calls_itself:
        # As a board tells it, so that the server may know better: below a distribution's address that one is meant.
        release = {"distribution": asked.calls_itself, "version": asked.version, "target": asked.target}
        body["board"] = {"board_name": asked.profile, "release": release}
    body |= {"revision": asked.revision} if asked.revision else {}
    body |= {"filesystem": asked.filesystem} if asked.filesystem else {}
    if asked.packages is not None:
        body["packages"] = dict(asked.packages)
    return body


def _document(server: Server, asked: Device, verdict: Verdict, source: str, code: Exit) -> dict[str, Any]:
    return {
        "status": "newer" if verdict.is_something else "nothing_newer",
        "exit_code": int(code),
        "server": server.base,
        "source": source,
        "installed": asked.version,
        "version": verdict.version,
        "version_code": verdict.version_code or None,
        "is_newer": verdict.is_newer,
        "updates": {name: list(pair) for name, pair in verdict.updates.items()},
        "changes": [
            {
                "kind": change.kind or None,
                "source": change.source or None,
                "target": change.target or None,
                "where": change.where,
                "why": change.why or None,
            }
            for change in verdict.changes
        ],
        "missing": verdict.missing,
        "notes": verdict.notes,
        "request": verdict.request,
    }


def _rows(asked: Device, verdict: Verdict) -> list[str]:
    if not verdict.is_something:
        return [f"Nothing newer: {asked.version} is what there is for {asked.profile}."]
    rows = []
    if verdict.is_newer:
        code = f" ({verdict.version_code})" if verdict.version_code else ""
        rows.append(f"{verdict.version}{code} is newer than {asked.version}.")
    if verdict.updates:
        rows.append("Packages with another version:")
        rows += [f"  {name}  {old} -> {new}" for name, (new, old) in verdict.updates.items()]
    if verdict.changes:
        rows.append("Packages that have changed:")
        rows += [f"  {change.sentence()}" for change in verdict.changes]
    if verdict.missing:
        rows.append("Packages that are not there any more and are left out:")
        rows += [f"  {name}" for name in verdict.missing]
    return rows
