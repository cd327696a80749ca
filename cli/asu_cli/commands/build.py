"""`asu build`: from a wish to a verified file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from asu_cli import config, fetching, session, texts, wishes
from asu_cli.answers import Ready, Waiting
from asu_cli.errors import CancelledError, CliError, InterruptedByUserError, UsageError
from asu_cli.fetching import Wanted
from asu_cli.following import follow
from asu_cli.output import Output
from asu_cli.server import Server


def build(
    request: Annotated[
        Path | None,
        typer.Option(
            "--request",
            metavar="FILE",
            help="Request as JSON (-: stdin), as today's API takes it or with the keys of 2017 (subtarget, board).",
        ),
    ] = None,
    from_check: Annotated[
        Path | None,
        typer.Option("--from-check", metavar="FILE", help="What asu check --json printed (-: stdin)."),
    ] = None,
    version: Annotated[str | None, typer.Option(help="Release, e.g. 24.10.2.")] = None,
    target: Annotated[str | None, typer.Option(help="E.g. ath79/generic.")] = None,
    profile: Annotated[str | None, typer.Option(help="Device: a profile, or the router's board name.")] = None,
    package: Annotated[list[str] | None, typer.Option("--package", "-p", metavar="NAME", help="Add a package.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="NAME", help="Leave a package out.")] = None,
    diff: Annotated[
        bool | None,
        typer.Option(
            "--diff/--no-diff",
            show_default=False,
            help="The packages are all there should be: defaults that are not among them are left out.",
        ),
    ] = None,
    version_code: Annotated[
        str | None, typer.Option("--version-code", help="Revision that the image must have.")
    ] = None,
    defaults: Annotated[
        Path | None,
        typer.Option("--defaults", metavar="FILE", help="Shell script for the first boot."),
    ] = None,
    filesystem: Annotated[str | None, typer.Option("--filesystem", help="Root file system, e.g. squashfs.")] = None,
    rootfs_size: Annotated[
        int | None, typer.Option("--rootfs-size", min=1, metavar="MB", help="Size of the root.")
    ] = None,
    network_profile: Annotated[
        str | None,
        typer.Option("--network-profile", help="Files of a community network, by name."),
    ] = None,
    repository: Annotated[
        list[str] | None,
        typer.Option("--repository", metavar="NAME=URL", help="Take packages from there too."),
    ] = None,
    repository_key: Annotated[
        list[Path] | None,
        typer.Option("--repository-key", metavar="FILE", help="Public key of such a repository."),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download/--no-download", help="Fetch the image when it is there.")
    ] = True,
    image_type: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="E.g. factory; default: to upgrade with."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All images.")] = False,
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to put it.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files of that name.")] = False,
    key: session.KeyOption = [],  # noqa: B006 # typer copies it
    cancel_on_interrupt: Annotated[
        bool, typer.Option("--cancel-on-interrupt", help="Ctrl-C cancels the build at the server too.")
    ] = False,
    poll: session.PollOption = 2.0,
    server: session.ServerOption = "",
    token: session.TokenOption = "",
    timeout: session.TimeoutOption = 30.0,
    patience: session.PatienceOption = 60.0,
    as_json: session.JsonOption = False,
    quiet: session.QuietOption = False,
) -> None:
    """Has an image built, waits for it, fetches and verifies it.

    The same request again continues where it stood: nothing is built twice.
    """
    with session.reporting(as_json=as_json, quiet=quiet) as output:
        body = _source(request, from_check)
        options: dict[str, Any] = {
            "version": version,
            "target": target,
            "profile": profile,
            "diff_packages": diff,
            "version_code": version_code,
            "defaults": config.read_text(defaults, "first-boot script") if defaults else None,
            "filesystem": filesystem,
            "rootfs_size_mb": rootfs_size,
            "network_profile": network_profile,
            "repositories": wishes.repositories(repository or []),
            "repository_keys": [config.read_text(path, "repository key") for path in repository_key or []] or None,
        }
        body = wishes.checked(wishes.with_options(body, options))
        body = wishes.with_packages(body, package or [], remove or [])
        there = session.connect(server, token, timeout, patience, output)
        keys = session.keys_for(there, key)
        with output.progress():
            ready = _build(there, body, output, poll, cancel=cancel_on_interrupt)
            wanted = Wanted(folder, image_type or [], filesystem or "", everything, force)
            fetched = fetching.fetch(there, ready, wanted, keys, output) if download else []
        output.note(f"{ready.version} for {ready.profile} is ready. request_hash: {ready.request_hash}")
        fetching.say_what_was_checked(fetched, output)
        output.result(fetching.document(there, ready, fetched), fetching.rows(fetched))


def _why_none(document: Any) -> str:
    """Why asu check printed no request."""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, str) and error:
        return f"asu check failed. {texts.line(error, 300)}"
    return "there was nothing newer, or it is not from asu check --json."


def _source(request: Path | None, from_check: Path | None) -> dict[str, Any]:
    """The request that the options then change."""
    if request and from_check:
        raise UsageError("--request and --from-check exclude each other.")
    if from_check:
        document = config.read_json(from_check, "result of asu check")
        if not isinstance(document, dict) or not isinstance(document.get("request"), dict):
            where = "The standard input" if str(from_check) == "-" else from_check
            raise UsageError(f"{where} holds no request: {_why_none(document)}")
        return wishes.from_document(document["request"])
    return wishes.from_document(config.read_json(request, "request")) if request else {}


def _build(server: Server, body: dict[str, Any], output: Output, poll: float, *, cancel: bool) -> Ready:
    """Asks and waits. Ctrl-C leaves the build to the server, or cancels it."""
    state: Waiting | Ready | None = None
    try:
        state = server.ask(body)
        output.note(f"request_hash: {state.request_hash}")
        return follow(server, state, output, poll, lambda: server.ask(body))
    except KeyboardInterrupt:
        raise _interrupted(server, state, cancel=cancel) from None


def _interrupted(server: Server, state: Waiting | Ready | None, *, cancel: bool) -> CliError:
    if state is None:
        return InterruptedByUserError("Interrupted, before the server answered.")
    known = state.request_hash
    resume = f"To go on later: asu download {known} --server {server.base}"
    if not cancel:
        return InterruptedByUserError("Interrupted; the server goes on building.", advice=resume, request_hash=known)
    try:
        if server.cancel(known):
            return CancelledError("Interrupted, and cancelled at the server.", request_hash=known)
        reason = "this server knows no way to cancel"
    except CliError as error:
        reason = error.sentence
    return InterruptedByUserError(
        f"Interrupted, but not cancelled at the server: {reason}", advice=resume, request_hash=known
    )
