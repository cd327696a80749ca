"""The site's settings, closed off for tests: a temporary data folder, no network, fast passwords."""

import os
import tempfile
from pathlib import Path

# Everything the tests write goes below one folder a process, so that parallel runs never meet.
_DATA = Path(os.environ.get("ASU_TEST_DIR") or tempfile.mkdtemp(prefix="asu-tests-"))
(_DATA / "static").mkdir(parents=True, exist_ok=True)
os.environ["ASU_DATA_DIR"] = str(_DATA)
os.environ.setdefault("SECRET_KEY", "tests")
if url := os.environ.get("DATABASE_URL_TEST_PG"):
    os.environ["DATABASE_URL"] = url

from asu_site.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
