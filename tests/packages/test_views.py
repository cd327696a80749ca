"""Documents of hosted distributions: everything of the mirror, nothing else."""

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from packages.models import Distribution
from packages.upstream import Mirror
from packages.views import is_safe
from tests.packages.mirrors import MirrorFolder

pytestmark = pytest.mark.django_db
SUMS = "/demo/releases/24.10.2/targets/ath79/generic/sha256sums"


@pytest.fixture
def hosted(folder: MirrorFolder) -> Distribution:
    return Distribution.objects.create(name="demo", url=f"file://{folder.root}", is_hosted=True)


def body(client: Client, path: str) -> bytes:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.getvalue()


def test_documents_are_served_as_they_are(hosted: Distribution, client: Client, folder: MirrorFolder) -> None:
    root = folder.root

    assert body(client, "/demo/.versions.json") == (root / ".versions.json").read_bytes()
    assert body(client, "/demo/snapshots/.targets.json") == (root / "snapshots" / ".targets.json").read_bytes()
    for file in (root / "releases/24.10.2/targets/ath79/generic").iterdir():
        if file.is_file():
            assert body(client, f"/demo/releases/24.10.2/targets/ath79/generic/{file.name}") == file.read_bytes()


def test_the_default_distribution_is_served_at_the_root(
    hosted: Distribution, client: Client, settings: Settings
) -> None:
    settings.ASU_DEFAULT_DISTRIBUTION = "demo"

    assert body(client, "/.versions.json")
    assert body(client, "/releases/24.10.2/.targets.json")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *(("/demo/.versions.json", "application/json"), (SUMS, "text/plain; charset=utf-8")),
        (
            "/demo/releases/24.10.2/targets/ath79/generic/"
            "openwrt-imagebuilder-24.10.2-ath79-generic.Linux-x86_64.tar.xz",
            "application/octet-stream",
        ),
        ("/demo/releases/24.10.2/packages/mips_24kc/base/Packages.gz", "application/octet-stream"),
    ],
)
def test_documents_have_their_type_and_length(
    hosted: Distribution, client: Client, folder: MirrorFolder, path: str, kind: str
) -> None:
    response = client.get(path)

    assert response["Content-Type"] == kind
    assert int(response["Content-Length"]) == (folder.root / path.removeprefix("/demo/")).stat().st_size
    assert "Content-Encoding" not in response


def test_head_has_the_length_and_no_body(hosted: Distribution, client: Client) -> None:
    response = client.head(SUMS)

    assert response.status_code == 200
    assert int(response["Content-Length"]) > 0


def test_an_unchanged_document_is_not_sent_again(hosted: Distribution, client: Client) -> None:
    first = client.get(SUMS)

    again = client.get(SUMS, headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_written(hosted: Distribution, client: Client, method: str) -> None:
    assert getattr(client, method)(SUMS).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        *("releases/../../secret", "releases/%2e%2e/%2e%2e/secret", "releases/..%2f..%2fsecret", "releases/a\\..\\b"),
        *("releases/.git/config", "releases/24.10.2/.hidden", "releases/none", "releases/24.10.2", "releases/24.10.2/"),
        *("releases//24.10.2/.targets.json", "releases/./24.10.2/.targets.json", "releases/x%00", "releases/%0a"),
        *("snapshots/..%5c..", "releases/out/secret", "releases/link"),
    ],
)
def test_nothing_else_is_served(hosted: Distribution, client: Client, folder: MirrorFolder, path: str) -> None:
    (folder.root.parent / "secret").write_text("secret")
    folder.write("releases/.git/config", "secret")
    folder.write("releases/24.10.2/.hidden", "secret")
    (folder.root / "releases" / "out").symlink_to(folder.root.parent)
    (folder.root / "releases" / "link").symlink_to(folder.root.parent / "secret")

    response = client.get(f"/demo/{path}")

    assert response.status_code == 404
    assert response.json()["status"] == 404
    assert isinstance(response.json()["detail"], str)


def test_a_link_within_the_mirror_is_followed(hosted: Distribution, client: Client, folder: MirrorFolder) -> None:
    (folder.root / "releases" / "latest").symlink_to(folder.root / "releases" / "24.10.2")

    assert body(client, "/demo/releases/latest/.targets.json")


@pytest.mark.parametrize("change", [{"is_hosted": False}, {"is_enabled": False}, {"name": "other"}])
def test_only_hosted_and_enabled_distributions_are_served(
    hosted: Distribution, client: Client, change: dict[str, object]
) -> None:
    Distribution.objects.filter(pk=hosted.pk).update(**change)

    assert client.get(SUMS).status_code == 404


def test_a_file_mirror_that_is_not_hosted_shows_no_folder_of_ours(client: Client, tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "x").write_text("x")
    Distribution.objects.create(name="local", url=f"file://{tmp_path}")

    assert client.get("/local/releases/x").status_code == 404


def test_safe_paths_are_those_a_mirror_can_read(folder: MirrorFolder) -> None:
    mirror = Mirror(f"file://{folder.root}")

    assert is_safe("releases/24.10.2/.targets.json")
    assert mirror.exists("releases/24.10.2/.targets.json")
