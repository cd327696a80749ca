"""One file of settings for servers and for workers without Django."""

import json
import subprocess
import sys
from pathlib import Path

from asu_site import settings

SHOW = """
import json, sys
sys.path.insert(0, sys.argv[1])
from packages.conf import settings
print(json.dumps({name: str(getattr(settings, name)) for name in dir(settings) if name.isupper()}))
"""


def test_a_worker_without_django_has_the_same_settings() -> None:
    env = {"ASU_DATA_DIR": str(settings.ASU_DATA_DIR), "ASU_BUILD_TIMEOUT": "77"}

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SHOW, str(settings.BASE_DIR)], capture_output=True, check=True, env=env
    )

    found = json.loads(done.stdout)
    here = {name: str(getattr(settings, name)) for name in dir(settings) if name.isupper()}
    differing = {name for name in here if found[name] != here[name]}
    assert found["ASU_BUILD_TIMEOUT"] == "77"
    assert differing <= {"SECRET_KEY", "DATABASES", "ASU_BUILD_TIMEOUT", "Q_CLUSTER"}


def test_a_server_without_workers_of_its_own_does_chores_while_it_fetches_an_imagebuilder() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SHOW, str(settings.BASE_DIR)],
        capture_output=True,
        check=True,
        env={"ASU_DATA_DIR": str(settings.ASU_DATA_DIR), "ASU_LOCAL_WORKERS": "0"},
    )

    assert "'workers': 2" in json.loads(done.stdout)["Q_CLUSTER"]


def test_a_worker_makes_no_secret(tmp_path: Path) -> None:
    env = {"ASU_DATA_DIR": str(tmp_path / "worker")}

    subprocess.run([sys.executable, "-I", "-S", "-c", SHOW, str(settings.BASE_DIR)], check=True, env=env)

    assert not (tmp_path / "worker").exists()


def test_a_wrong_value_stops_a_worker_with_a_sentence() -> None:
    env = {"ASU_BUILD_TIMEOUT": "soon"}

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SHOW, str(settings.BASE_DIR)],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )

    assert "ASU_BUILD_TIMEOUT='soon' is not a whole number." in done.stderr
