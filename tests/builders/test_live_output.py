"""What a program prints can be followed while it runs."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builders import drive
from builders.feeds import FeedSet
from builders.runners.base import Limits, Outcome, Run
from builders.runners.sandbox import Sandbox
from tests.builders.fake_runner import GOOD, FakeRunner, make_spec
from tests.builders.fake_runner import make_tree as make_imagebuilder
from tests.builders.trees import make_tree

Follow = Callable[..., tuple[list[str], Outcome]]


@pytest.fixture
def follow(level: str, open_data: Path) -> Follow:
    def follow(script: str, output_kb: int = 64) -> tuple[list[str], Outcome]:
        said: list[str] = []
        limits = Limits(seconds=60, output_kb=output_kb)
        run = Run(("sh", "-c", script), make_tree(open_data / "tree"), limits=limits, on_output=said.append)
        return said, Sandbox(level).run(run)

    return follow


def test_lines_come_when_they_are_printed(level: str, open_data: Path) -> None:
    times: list[tuple[str, float]] = []
    run = Run(
        ("sh", "-c", "echo one; sleep 1; echo two >&2"),
        make_tree(open_data / "tree"),
        on_output=lambda text: times.append((text, time.monotonic())),
    )

    outcome = Sandbox(level).run(run)

    assert [text for text, _ in times] == ["one\n", "two\n"]
    assert times[1][1] - times[0][1] > 0.5
    assert (outcome.stdout, outcome.stderr) == ("one\n", "two\n")


def test_no_line_and_no_character_is_cut(follow: Follow) -> None:
    said, outcome = follow(r"printf 'a\303'; sleep 0.3; echo between >&2; sleep 0.3; printf '\244b\nend'")

    assert said == ["between\n", "aäb\n", "end"]
    assert outcome.stdout == "aäb\nend"


def test_what_is_no_text_does_not_hurt(follow: Follow) -> None:
    said, _ = follow(r"printf '\377\n'")

    assert said == ["\N{REPLACEMENT CHARACTER}\n"]


def test_a_flood_is_passed_on_only_as_far_as_it_is_kept(follow: Follow) -> None:
    said, outcome = follow("yes", output_kb=16)

    assert outcome.killed == "output"
    assert sum(map(len, said)) <= 16 * 1024


def test_a_builds_log_can_be_followed_without_the_places_of_this_machine(tmp_path: Path) -> None:
    makefile = GOOD + '\t@echo "in $(BIN_DIR)/x and `pwd`/y"\n'
    tree, said = make_imagebuilder(tmp_path, makefile), list[str]()

    result = drive.build_image(make_spec(), tree, FeedSet(), FakeRunner(), tmp_path / "out", lambda: True, said.append)

    assert "in x and " in "".join(said)
    assert str(tmp_path) not in "".join(said)
    assert "".join(said) == result.stdout + result.stderr
