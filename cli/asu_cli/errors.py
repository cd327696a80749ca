"""What can go wrong, each kind with its exit code and a sentence for people."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What a script learns from the exit code; `asu --help` and the README list the same."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOTHING_NEWER = 3
    REFUSED = 4
    BUILD_FAILED = 5
    UNREACHABLE = 6
    UNVERIFIED = 7
    CANCELLED = 8
    INTERRUPTED = 130


class CliError(Exception):
    """The command ends here. `details` are further keys of the JSON document."""

    exit_code = Exit.FAILED
    word = "failed"

    def __init__(self, sentence: str, *, log: str = "", advice: str = "", **details: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.log = log
        self.advice = advice
        self.details: Mapping[str, Any] = details


class LocalError(CliError):
    """Something on this machine: a file that cannot be written, a program that is not there."""


class UsageError(CliError):
    """The command line, or a file that it names, is not right."""

    exit_code = Exit.USAGE
    word = "usage"


class RefusedError(CliError):
    """The server does not take the request, or does not know what was asked about."""

    exit_code = Exit.REFUSED
    word = "refused"


class BuildFailedError(CliError):
    """The server tried to build the image and could not."""

    exit_code = Exit.BUILD_FAILED
    word = "build_failed"


class UnreachableError(CliError):
    """No usable answer. `again_in`: worth another try in so many seconds; None: it would be the same again."""

    exit_code = Exit.UNREACHABLE
    word = "unreachable"

    def __init__(self, sentence: str, *, again_in: float | None = None, **more: Any) -> None:
        super().__init__(sentence, **more)
        self.again_in = again_in


class OverloadedError(UnreachableError):
    """The server answers, but will not do it now."""

    word = "overloaded"


class UnverifiedError(CliError):
    """A file is not what it should be; it was not kept."""

    exit_code = Exit.UNVERIFIED
    word = "unverified"


class CancelledError(CliError):
    """The build was cancelled, or dropped because nobody asked for it any more."""

    exit_code = Exit.CANCELLED
    word = "cancelled"


class InterruptedByUserError(CliError):
    """Ctrl-C; what the server does goes on."""

    exit_code = Exit.INTERRUPTED
    word = "interrupted"
