"""Repositories that requests name, in real builds: the demo's ImageBuilder takes their packages, and checks them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from builders.ledger import DatabaseLedger
from builders.notes import Notes
from builders.sources import MirrorSources, ServerSources, bounds_of
from builders.spec import BuildFailedError, BuildResult, BuildSpec, FeedSpec, KeySpec
from builders.states import Reason
from builders.transports.base import Lease
from builders.workshop import Workshop
from demo import ipk
from packages import index_cache
from packages.exceptions import SignatureError
from packages.signatures import UsignKey
from tests.builders import demo_mirror
from tests.packages.mirrors import Server, serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

KEY = UsignKey.generate("community")
DEVICE = "acme_rocket-1"
TOOL = ipk.Package("mesh-tool", "1.0-r1", "demo_32", (ipk.File("usr/bin/mesh", b"#!/bin/sh\n", 0o755),), "A tool.")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    """A community's own repository, on a web server of its own."""
    folder = tmp_path / "site" / "feed"
    folder.mkdir(parents=True)
    built = ipk.build(TOOL)
    index = ipk.packages_index([built])
    files = {"Packages": index, "Packages.gz": ipk.pack(index), "Packages.sig": KEY.sign(index).encode()}
    for name, data in {**files, TOOL.file_name: built.data}.items():
        (folder / name).write_bytes(data)
    with serving(tmp_path / "site") as running:
        yield running


def feed_of(site: Server, *, key: UsignKey | None = KEY, is_inside_allowed: bool = True) -> FeedSpec:
    index = (site.root / "feed" / "Packages").read_bytes()
    signer = key.public_text() if key else ""
    sha256 = index_cache.save(index, (site.root / "feed" / "Packages.sig").read_bytes(), signer=signer)
    keys = (KeySpec("usign", key.public_text()),) if key else ()
    url = f"{site.url}/feed"
    return FeedSpec("extra-1", "extra", "opkg", url, sha256, keys, within=url, is_inside_allowed=is_inside_allowed)


def spec_with(feed: FeedSpec, *packages: str) -> BuildSpec:
    spec = demo_mirror.spec_for("demo/generic", DEVICE, packages or ("mesh-tool",))
    return replace(spec, feeds=(*spec.feeds, feed))


def build(spec: BuildSpec, out: Path, workshop: Workshop | None = None) -> BuildResult:
    workshop = workshop or Workshop(DatabaseLedger())
    return workshop.build(spec, out, lambda phase, percent: None, lambda: True)


def test_an_image_holds_what_the_repository_has(site: Server, tmp_path: Path) -> None:
    result = build(spec_with(feed_of(site), "mesh-tool", "demo-sniff"), tmp_path / "out")

    assert result.manifest["mesh-tool"] == "1.0-r1"
    assert "demo-sniff" in result.manifest
    assert site.paths(200) == [f"/feed/{TOOL.file_name}"]


def test_the_imagebuilder_itself_refuses_a_repository_whose_key_it_is_not_given(site: Server, tmp_path: Path) -> None:
    spec = replace(spec_with(feed_of(site, key=None)), keys=())

    with pytest.raises(BuildFailedError) as caught:
        build(spec, tmp_path / "out")

    assert caught.value.reason == Reason.BAD_SIGNATURE


def test_a_package_is_not_fetched_from_inside_unless_the_operator_allowed_it(site: Server, tmp_path: Path) -> None:
    spec = spec_with(feed_of(site, is_inside_allowed=False))

    with pytest.raises(BuildFailedError) as caught:
        build(spec, tmp_path / "out")

    assert "private network" in caught.value.sentence
    assert site.seen == []


def test_a_package_is_not_fetched_from_elsewhere(site: Server, tmp_path: Path) -> None:
    (site.root / "feed" / TOOL.file_name).rename(site.root / "elsewhere.ipk")
    site.faults[f"/feed/{TOOL.file_name}"] = lambda handler: handler.answer(302, b"", Location="/elsewhere.ipk")

    with pytest.raises(BuildFailedError) as caught:
        build(spec_with(feed_of(site)), tmp_path / "out")

    assert "does not allow" in caught.value.sentence
    assert site.paths(200) == []


def test_a_worker_without_the_index_asks_within_the_same_bounds(
    site: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packages.upstream.mirror.PAUSES", ())  # its main server is away
    worker = Workshop(Notes(), ServerSources("http://127.0.0.1:9"))
    feed = feed_of(site)
    refused = feed_of(site, is_inside_allowed=False)
    (settings.ASU_CACHE_DIR / "indexes" / feed.index_sha256).unlink()

    with pytest.raises(BuildFailedError, match="private network"):
        build(spec_with(refused), tmp_path / "refused", worker)
    assert site.seen == []
    result = build(spec_with(feed), tmp_path / "out", worker)

    assert "mesh-tool" in result.manifest
    assert f"/feed/{TOOL.file_name}" in site.paths(200)


def test_who_signed_the_same_index_later_does_not_take_the_place_of_the_key_that_is_asked_for(
    site: Server, tmp_path: Path
) -> None:
    feed, other = feed_of(site), UsignKey.generate("other")
    index = (site.root / "feed" / "Packages").read_bytes()
    signature = other.sign(index).encode()
    (site.root / "feed" / "Packages.sig").write_bytes(signature)
    index_cache.save(index, signature, signer=other.public_text())
    index_cache.save(index, signature)

    result = build(spec_with(feed), tmp_path / "out")

    assert "mesh-tool" in result.manifest
    assert site.paths(200) == [f"/feed/{TOOL.file_name}"]


def test_a_worker_asks_for_the_signature_of_the_key_that_its_feed_came_with(site: Server) -> None:
    feed = feed_of(site)
    index, signature = ((site.root / "feed" / name).read_bytes() for name in ("Packages", "Packages.sig"))
    folder = site.root / "api/worker/v1/indexes"
    folder.mkdir(parents=True)
    (folder / feed.index_sha256).write_bytes(index)
    (folder / f"{feed.index_sha256}.sig").write_bytes(b"of somebody else")
    (folder / f"{feed.index_sha256}.{index_cache.signer_id(KEY.public_text())}.sig").write_bytes(signature)

    assert ServerSources(site.url).index(feed) == (index, signature, KEY.public_text())
    assert ServerSources(site.url).index(replace(feed, keys=())) == (index, b"of somebody else", "")


def test_an_index_by_another_key_than_the_one_it_came_with_is_refused_by_workers_too(site: Server) -> None:
    feed = feed_of(site)
    index = (site.root / "feed" / "Packages").read_bytes()
    (site.root / "feed" / "Packages.sig").write_text(UsignKey.generate("other").sign(index))

    with pytest.raises(SignatureError, match="none of the keys"):
        ServerSources("http://127.0.0.1:9").index(feed)


def test_the_bounds_travel_with_a_lease(site: Server) -> None:
    from builders.api.supplies import lease_for

    spec = spec_with(feed_of(site))
    lease = Lease(1, 1, spec.hash(), spec, 60)

    sent = BuildSpec.from_json(lease_for(lease)["spec"])

    assert sent.feeds[-1] == spec.feeds[-1]
    assert bounds_of(sent.feeds[-1]) == bounds_of(spec.feeds[-1])
    assert bounds_of(sent.feeds[0]) is None


def test_an_extra_feed_without_bounds_stays_below_its_own_folder(site: Server) -> None:
    feed = replace(feed_of(site), within="")
    site.faults["/feed/Packages.gz"] = lambda handler: handler.answer(302, b"", Location="/other/Packages.gz")

    with pytest.raises(Exception, match="does not allow"):
        MirrorSources().index(feed)


def test_where_a_feed_lies_is_no_part_of_what_is_built(site: Server) -> None:
    feed = feed_of(site)
    moved = replace(feed, url="https://elsewhere.example.org/feed", within="https://elsewhere.example.org", keys=())

    assert spec_with(feed).hash() == spec_with(moved).hash()
