"""The same selection for those who like a terminal better: what to type. Pure."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from images.selection import Selection


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What to type, and into what."""

    name: str
    text: str


def of(selection: Selection, body: Mapping[str, Any], server: str) -> list[CommandLine]:
    """`body` is the request without its script, `server` the address that clients of this distribution use."""
    return [
        CommandLine("asu", _asu(selection, body, server)),
        CommandLine("owut", _owut(selection)),
        CommandLine("curl", _curl(body, server)),
    ]


def _asu(selection: Selection, body: Mapping[str, Any], server: str) -> str:
    words = ["asu", "build", "--server", server, "--version", selection.version]
    words += ["--target", str(body["target"]), "--profile", str(body["profile"])]
    words += [word for name in selection.added for word in ("-p", name)]
    words += [word for name in selection.removed for word in ("--remove", name)]
    options = {
        "--filesystem": selection.filesystem,
        "--rootfs-size": selection.rootfs_size_mb,
        "--network-profile": selection.network_profile,
    }
    words += [word for option, text in options.items() if text for word in (option, text)]
    return shlex.join(words)


def _owut(selection: Selection) -> str:
    """On the router itself; it knows its device, and what is installed stays."""
    words = ["owut", "upgrade", "--version-to", selection.version]
    words += ["--add", ",".join(selection.added)] if selection.added else []
    words += ["--remove", ",".join(selection.removed)] if selection.removed else []
    return shlex.join(words)


def _curl(body: Mapping[str, Any], server: str) -> str:
    fields = {name: value for name, value in body.items() if name != "defaults"}
    return f"curl {shlex.quote(f'{server}/api/v1/build')} -d {shlex.quote(json.dumps(fields))}"
