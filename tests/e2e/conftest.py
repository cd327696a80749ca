"""The server that tests of the classic API talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from tests.e2e.classic import Classic
from tests.e2e.web import Web, running
from tests.images.factories import make_target

_FOLDERS = ("STORE", "UPLOAD", "RUN", "KEY")
# Behind a proxy, so that a test may come from an address that is not trusted; one new image an hour for such.
_SETTINGS = {"ASU_PREPARE_WAIT": "0", "ASU_BEHIND_PROXY": "1", "ASU_CLIENT_BUILDS_PER_HOUR": "1"}


@pytest.fixture(scope="module")
def classic_server(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Web, Path]]:
    folder = tmp_path_factory.mktemp("classic")
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        for name, value in _SETTINGS.items():
            patch.setenv(name, value)
        with running(folder / "data", folder / "server.log") as web:
            yield web, folder / "data"


@pytest.fixture
def classic(
    classic_server: tuple[Web, Path], data_dir: Path, settings: Settings, transactional_db: None
) -> Iterator[Classic]:
    """A client, and a target to ask for; the test works in the server's folders."""
    for name in _FOLDERS:
        folder = classic_server[1] / getattr(settings, f"ASU_{name}_DIR").name
        folder.mkdir(exist_ok=True)
        setattr(settings, f"ASU_{name}_DIR", folder)
    make_target()
    yield Classic(classic_server[0])
