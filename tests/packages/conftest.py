"""A mirror of two releases, as a folder and behind a web server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from packages import catalogue
from packages.models import Distribution
from tests.packages.flavours import make_feeds, make_flavour
from tests.packages.mirrors import MirrorFolder, Server, serving


@pytest.fixture(autouse=True)
def fresh_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing in memory from another test, and no waiting between tries."""
    monkeypatch.setattr("packages.upstream.mirror.PAUSES", (0.0, 0.0))
    catalogue.forget()
    yield
    catalogue.forget()


@pytest.fixture
def folder(tmp_path: Path) -> MirrorFolder:
    """Releases 24.10.2 (two targets) and 23.05.5, feeds for one architecture, and a snapshot."""
    mirror = MirrorFolder(tmp_path / "mirror")
    fill(mirror)
    return mirror


def fill(mirror: MirrorFolder) -> None:
    """The documents of that mirror."""
    mirror.versions("24.10.2", "23.05.5", stable="24.10.2")
    mirror.targets("releases/24.10.2", ath79__generic="mips_24kc", x86__64="x86_64")
    mirror.targets("releases/23.05.5", ath79__generic="mips_24kc")
    mirror.targets("snapshots", ath79__generic="mips_24kc")
    for version in ("24.10.2", "23.05.5"):
        release = f"releases/{version}"
        mirror.target(release, version)
        mirror.write(f"{release}/targets/ath79/generic/feeds.buildinfo", "src-git luci https://example.org/luci.git\n")
        mirror.feed(f"{release}/targets/ath79/generic/packages", base_files="1", kmod_ath9k="6.6")
        mirror.feed(f"{release}/packages/mips_24kc/base", busybox="1.36", dnsmasq="2.90")
        mirror.feed(f"{release}/packages/mips_24kc/luci", luci="25.1")


@pytest.fixture
def server(folder: MirrorFolder) -> Iterator[Server]:
    """That folder behind a real web server."""
    with serving(folder.root) as running:
        yield running


@pytest.fixture
def distribution(server: Server, db: None) -> Distribution:
    """The distribution of that mirror, not synced yet."""
    return Distribution.objects.create(name="openwrt", title="OpenWrt", url=server.url)


@pytest.fixture
def feeds(tmp_path: Path) -> MirrorFolder:
    """The feeds of a flavour."""
    return make_feeds(tmp_path / "lime")


@pytest.fixture
def lime_server(feeds: MirrorFolder) -> Iterator[Server]:
    """Those behind a web server of their own."""
    with serving(feeds.root) as running:
        yield running


@pytest.fixture
def flavour(distribution: Distribution, lime_server: Server) -> Distribution:
    """A flavour of the distribution, not synced yet."""
    return make_flavour(distribution, lime_server.url)
