"""One mirror and one tree of each era for all tests of the demo."""

from pathlib import Path

import pytest

from demo.mirror import generate
from packages.signatures import UsignKey
from tests.demo.workbench import ImageBuilder, unpack

OLDER, NEWER = "releases/24.04.2", "releases/25.04.0"


@pytest.fixture(scope="session")
def demo_key() -> UsignKey:
    return UsignKey(bytes(range(8)), bytes(range(32)), bytes(16), "demo of the tests")


@pytest.fixture(scope="session")
def demo_mirror(tmp_path_factory: pytest.TempPathFactory, demo_key: UsignKey) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "mirror"
    generate(folder, demo_key)
    return folder


@pytest.fixture(scope="session")
def newer(demo_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageBuilder:
    return unpack(demo_mirror, tmp_path_factory.mktemp("newer"), NEWER)


@pytest.fixture(scope="session")
def older(demo_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageBuilder:
    return unpack(demo_mirror, tmp_path_factory.mktemp("older"), OLDER)
