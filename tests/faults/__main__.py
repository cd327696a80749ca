"""`script/faults`: kills everything that serves and builds, at random moments, and looks for harm."""

import argparse
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import django

from tests.faults import databases

_LEASE_SECONDS = 6


def main() -> int:
    """0: all invariants hold; 1: one is broken."""
    options = argparse.ArgumentParser(prog="script/faults", description=__doc__)
    options.add_argument("--seed", type=int, default=None, help="repeat the choices of an earlier run")
    options.add_argument(
        "--kills", type=int, default=60, help="how many `kill -9` (default 60); other faults come along"
    )
    options.add_argument("--seconds", type=float, default=0, help="for them all (default: 4 for each kill)")
    options.add_argument("--database", default=os.environ.get("DATABASE_URL", ""), help="postgres://...: a server")
    options.add_argument("--keep", action="store_true", help="keep the data folder and the logs")
    said = options.parse_args()
    seed = random.SystemRandom().randrange(10**6) if said.seed is None else said.seed
    root = Path(tempfile.mkdtemp(prefix="asu-faults-"))
    root.chmod(0o755)  # builds run as another user
    try:
        with databases.scratch(said.database, root) as url:
            return _run(root, url, seed, said.kills, said.seconds or 4.0 * said.kills)
    finally:
        if said.keep:
            sys.stdout.write(f"kept: {root}\n")
        else:
            shutil.rmtree(root, ignore_errors=True)


def environment(root: Path, database: str) -> dict[str, str]:
    """Of all processes of the server. Short leases and no long memory of failures, so that a run takes minutes."""
    return {
        "PATH": os.environ["PATH"],
        "ASU_DATA_DIR": str(root / "data"),
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "asu_site.settings",
        "SECRET_KEY": "faults",
        "ASU_LEASE_SECONDS": str(_LEASE_SECONDS),
        "ASU_FAILURE_TTL": "3",
        "ASU_MIN_FREE_MB": "1",
        "ASU_STORE_MIN_FREE_GB": "0",
        "MALLOC_ARENA_MAX": "2",
    }


def _run(root: Path, url: str, seed: int, kills: int, seconds: float) -> int:
    surroundings = environment(root, url)
    os.environ.update(surroundings)
    django.setup()
    # Only now: what they import reads the settings.
    from tests.faults import report
    from tests.faults.run import Plan, run

    plan = Plan(seed, kills, seconds, most_wishes=10**6)
    return report.show(run(root, surroundings, plan))


if __name__ == "__main__":
    sys.exit(main())
