"""The size of the root file system: not before the release whose ImageBuilder can change it."""

import pytest
from django.test import Client

from tests.images.factories import ask, make_target

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("version", ["21.02.0", "21.02.0-rc1", "21.02-SNAPSHOT", "22.03.7", "24.10.2", "SNAPSHOT"])
def test_releases_that_can_change_it_are_built(client: Client, version: str) -> None:
    make_target(version=version)

    assert ask(client, version=version, rootfs_size_mb=256).status_code == 202


@pytest.mark.parametrize("version", ["18.06.9", "19.07.0-rc2", "19.07.10"])
def test_releases_that_cannot_say_so_before_the_build(client: Client, version: str) -> None:
    make_target(version=version)

    answer = ask(client, version=version, rootfs_size_mb=256)

    assert answer.status_code == answer.json()["status"] == 400
    assert answer.json()["detail"].startswith(f"rootfs_size_mb: the ImageBuilder of {version} cannot change")
    assert ask(client, version=version).status_code == 202


def test_other_distributions_number_their_releases_in_their_own_way(client: Client) -> None:
    make_target(version="1.0.0", distribution="private")

    assert ask(client, version="1.0.0", distro="private", rootfs_size_mb=256).status_code == 202
