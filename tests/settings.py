"""The site's settings, closed off for tests: a temporary data folder, no network, fast passwords."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Everything the tests write goes below one folder a process, so that parallel runs never meet.
_DATA = Path(tempfile.mkdtemp(prefix="asu-tests-"))
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)
(_DATA / "static").mkdir(parents=True, exist_ok=True)
os.environ["ASU_DATA_DIR"] = str(_DATA)
os.environ.setdefault("SECRET_KEY", "tests")
if url := os.environ.get("DATABASE_URL_TEST_PG"):
    os.environ["DATABASE_URL"] = url

from asu_site.settings import *  # noqa: E402, F403

# No `collectstatic` before the tests.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
