"""A short fault run (see `script/faults`): eight kills and what comes along, on a service of its own."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.e2e

SEED = 8


def test_after_eight_kills_nothing_is_lost_nothing_is_there_twice_and_nothing_is_left() -> None:
    environment = {name: text for name, text in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    words = ["--seed", str(SEED), "--kills", "8", "--seconds", "25"]

    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *words],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 kills, 0 lost, 0 double" in done.stdout
