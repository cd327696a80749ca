"""What the user sees: results on stdout (or one JSON document), all the rest on stderr, bars only in a terminal."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from asu_cli import texts
from asu_cli.answers import ImageFile, Waiting
from asu_cli.errors import CliError

# The steps of a build in their order; unknown ones leave the bar where it is.
_STEPS = {
    "init": (1, "getting ready"),
    "container_setup": (1, "getting ready"),
    "download_imagebuilder": (2, "fetching the ImageBuilder"),
    "unpack_imagebuilder": (3, "unpacking the ImageBuilder"),
    "validate_revision": (3, "checking the revision"),
    "calculate_packages_hash": (4, "working out the packages"),
    "validate_manifest": (4, "checking the packages"),
    "building_image": (5, "building the image"),
    "signing_images": (6, "signing the images"),
}
_ALL_STEPS = 7


class Output:
    """Where words go. `quiet` leaves progress and notes out, never errors."""

    def __init__(self, *, as_json: bool, quiet: bool = False) -> None:
        self.as_json = as_json
        self._quiet = quiet
        # Texts come from servers: no markup, no emoji codes, no highlighting, no folding of what scripts read.
        plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False, "soft_wrap": True}
        self._stderr = Console(stderr=True, **plain)
        self._last = ""
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    # -- results ----------------------------------------------------------------------------------------------

    def result(self, document: Mapping[str, Any], rows: list[str]) -> None:
        """The outcome: as JSON, or as rows for people."""
        self._print(json.dumps(document, indent=1) if self.as_json else "\n".join(rows))

    def _print(self, text: str) -> None:
        if text:
            try:
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()
            except BrokenPipeError:
                # Whoever read us has had enough; the interpreter must not complain once more at its end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def error(self, error: CliError) -> None:
        """What went wrong, what the log said, what to try."""
        if self.as_json:
            document: dict[str, Any] = {
                "status": error.word,
                "exit_code": int(error.exit_code),
                "error": error.sentence,
            }
            document |= error.details
            document |= {"log": error.log.splitlines()} if error.log else {}
            document |= {"advice": error.advice} if error.advice else {}
            self._print(json.dumps(document, indent=1))
            return
        self._say(f"Error: {error.sentence}", "bold red")
        if error.log:
            self._say("The last lines of the log:")
            self._say("\n".join(f"  {row}" for row in error.log.splitlines()), "dim")
        if error.advice:
            self._say(error.advice)
        known = error.details.get("request_hash")
        if known:
            self._say(f"request_hash: {known}")

    def note(self, text: str) -> None:
        """A sentence by the way; the same one not twice in a row."""
        if not self._quiet and text != self._last:
            self._last = text
            self._say(text)

    def _say(self, text: str, style: str = "") -> None:
        self._stderr.print(text, style=style or None)

    # -- progress ---------------------------------------------------------------------------------------------

    @contextmanager
    def progress(self) -> Iterator[None]:
        """While it lasts, `waiting` and `bytes` show a bar in a terminal; elsewhere they write lines."""
        if self._quiet or not self._stderr.is_terminal:
            yield
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[extra]}", markup=False),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._stderr, transient=True) as bar:
            self._bar, self._task = bar, bar.add_task("asking", total=_ALL_STEPS, extra="")
            try:
                yield
            finally:
                self._bar = self._task = None

    def waiting(self, state: Waiting) -> None:
        """How far a build is."""
        step, words = _progress_of(state)
        extra = _expected(state)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=words, extra=extra, total=_ALL_STEPS, completed=step)
        else:
            self.note(self.words(state))
        if state.hint:
            self.note(state.hint)

    def words(self, state: Waiting) -> str:
        """The same in one line."""
        _, words = _progress_of(state)
        extra = _expected(state)
        return f"{words}, {extra}" if extra else words

    def bytes(self, image: ImageFile, count: int) -> None:
        """How far a download is."""
        words = f"fetching the {image.type or 'image'}"
        if self._bar is not None and self._task is not None:
            extra = texts.size(count) + (f" of {texts.size(image.size)}" if image.size is not None else "")
            self._bar.update(self._task, description=words, total=image.size, completed=count, extra=extra)
        else:
            self.note(f"{words}: {image.name}")


def _progress_of(state: Waiting) -> tuple[int | None, str]:
    if state.phase:
        step, words = _STEPS.get(state.phase, (None, state.phase.replace("_", " ")))
        return step, words
    if state.position:
        return 0, f"queued, {state.position} ahead of you"
    return 0, "queued, you are next" if state.position == 0 else "queued"


def _expected(state: Waiting) -> str:
    """When it begins, where the server says so."""
    if state.phase or not state.wait_seconds:
        return ""
    return f"begins in about {texts.duration(state.wait_seconds)}"
