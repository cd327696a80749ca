"""What a user set once: the server, the token, and the keys pinned for each server."""

import json
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asu_cli.errors import UsageError
from asu_cli.link import origin
from asu_cli.usign import PublicKey, SignatureError

_MOST_BYTES = 1024 * 1024


def folder() -> Path:
    """Where our files are."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".config") / "asu"


@dataclass(frozen=True, slots=True)
class Config:
    """`config.toml`: `server = "..."`, `token = "..."`."""

    server: str = ""
    token: str = field(default="", repr=False)

    @classmethod
    def load(cls) -> "Config":
        path = folder() / "config.toml"
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {error}.") from error
        return cls(_text(values, "server", path), _text(values, "token", path))


def _text(values: Mapping[str, Any], name: str, path: Path) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise UsageError(f'{path}: {name} is not a text; write {name} = "...".')
    return value


class Pins:
    """The keys that the images of a server must be signed by, once there are some: `keys.json`, by origin."""

    def __init__(self) -> None:
        self.path = folder() / "keys.json"

    def of(self, server: str) -> tuple[PublicKey, ...]:
        """The keys pinned for a server."""
        return tuple(self._parse(text) for text in self._read().get(origin(server), []))

    def add(self, server: str, key: PublicKey) -> bool:
        """Pins a key. False: it was pinned already."""
        kept = self.of(server)
        if key in kept:
            return False
        self._keep(server, (*kept, key))
        return True

    def remove(self, server: str, fingerprint: str) -> bool:
        """Unpins the keys of that number. False: there is none."""
        kept = self.of(server)
        left = tuple(key for key in kept if key.fingerprint != fingerprint.lower())
        if left == kept:
            return False
        self._keep(server, left)
        return True

    def _keep(self, server: str, keys: tuple[PublicKey, ...]) -> None:
        pinned = self._read()
        pinned[origin(server)] = [key.text for key in keys]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        new.write_text(json.dumps({name: texts for name, texts in sorted(pinned.items()) if texts}, indent=1) + "\n")
        new.replace(self.path)

    def _read(self) -> dict[str, list[str]]:
        try:
            document = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.path} cannot be read: {error}.") from error
        # A file that is not as we wrote it must not pass for one without keys.
        if not isinstance(document, dict) or not all(
            isinstance(entry, list) and all(isinstance(text, str) for text in entry) for entry in document.values()
        ):
            raise UsageError(f"{self.path} is damaged: mend it, or remove it and pin the keys again.")
        return document

    def _parse(self, text: str) -> PublicKey:
        try:
            return PublicKey.parse(text)
        except SignatureError as error:
            raise UsageError(f"{self.path} holds a key that is none: {error}") from error


def read_key(path: Path) -> PublicKey:
    """The public key in a file."""
    try:
        return PublicKey.parse(read_file(path, "the key").decode("ascii"))
    except (SignatureError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not the file of a public usign key: {error}") from error


def read_file(path: Path, what: str, most: int = _MOST_BYTES) -> bytes:
    """A file that the user named; `-` is the standard input."""
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with path.open("rb") as stream:
                data = stream.read(most + 1)
    except OSError as error:
        raise UsageError(f"{path} ({what}) cannot be read: {error.strerror}.") from error
    if len(data) > most:
        raise UsageError(f"{path} ({what}) is larger than {most} bytes.")
    return data


def read_text(path: Path, what: str) -> str:
    """The same as UTF-8 text."""
    try:
        return read_file(path, what).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} ({what}) is not UTF-8 text.") from error


def read_json(path: Path, what: str) -> Any:
    """The same as JSON."""
    try:
        return json.loads(read_text(path, what))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} ({what}) is not JSON: {error}.") from error
