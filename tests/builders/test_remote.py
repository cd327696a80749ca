"""The worker's command line: its token, and options that make no sense."""

import stat
from pathlib import Path

import pytest

from builders import remote

OWN = "asu-worker-0123456789abcdefghijklmnop"


def test_a_token_that_was_given_is_kept_for_the_next_start(tmp_path: Path) -> None:
    assert remote._tokens(OWN, tmp_path) == (OWN, "")

    assert remote._tokens("", tmp_path) == (OWN, "")
    assert stat.S_IMODE((tmp_path / remote.KEPT).stat().st_mode) == 0o600


def test_a_join_token_is_not_the_workers_own(tmp_path: Path) -> None:
    own, join = remote._tokens("asu-join-x", tmp_path)

    assert own.startswith(remote.WORKER) and join == "asu-join-x"
    assert remote._tokens("", tmp_path) == (own, "")


@pytest.mark.parametrize("jobs", ["-1", "0", "65"])
def test_a_number_of_jobs_that_makes_no_sense_is_refused_in_words(
    jobs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = remote.main(["--server", "http://localhost", "--data", str(tmp_path), "--jobs", jobs])

    assert code == 2
    assert capsys.readouterr().err == "worker: --jobs: a number from 1 to 64.\n"
