"""A server that is not ours, and the command that talks to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Asu
from tests.cli.peer import PROFILE, TARGET, VERSION, Peer, running

BUILD = ("build", "--version", VERSION, "--target", TARGET, "--profile", PROFILE, "--poll", "0.05")


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running() as peer:
        yield peer


@pytest.fixture
def asu(peer: Peer, tmp_path: Path) -> Asu:
    return Asu(tmp_path / "here", peer.base)
