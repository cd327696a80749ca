"""Real processes on the database and folders of a test, ended with it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection


def environment() -> dict[str, str]:
    """What a child needs to meet the test's rows and files."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{values['NAME']}"
    else:
        login = f"{values['USER']}:{values['PASSWORD']}" if values["PASSWORD"] else values["USER"]
        url = f"postgresql://{login}@{values['HOST']}:{values['PORT'] or 5432}/{values['NAME']}"
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "asu_site.settings",
        "DATABASE_URL": url,
        "ASU_DATA_DIR": str(settings.ASU_DATA_DIR),
        "ASU_LOCAL_WORKERS": "1",
        "ASU_AGENT_LINGER": "60",
        "ASU_MIN_FREE_MB": "1",
    }


@contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python *argv`, killed at the end if it still runs; its output goes to `output.log` of the test."""
    with Path(settings.ASU_DATA_DIR, "output.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *argv], env=environment(), cwd=settings.BASE_DIR, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def output() -> str:
    """What the test's processes said."""
    return Path(settings.ASU_DATA_DIR, "output.log").read_text()


def until(happened: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait for what another process or thread does; False when it took too long."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
