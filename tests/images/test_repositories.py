"""Requests that name package repositories: what is allowed is read, believed if it is signed, and built from."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from builders.models import Build
from images import intake, preparing, tasks
from images.models import ImageRequest
from packages import generation, index_cache
from packages.models import AllowedRepository, Distribution, DistributionKey, Feed, Package, Target
from packages.signatures import UsignKey, UsignPublicKey
from packages.sync import extra
from tests.images.factories import PACKAGES, ask, make_target
from tests.images.flavours import make_flavour
from tests.packages.mirrors import MirrorFolder, Server, serving
from tests.packages.test_sync_apk import DATA as APK
from tests.packages.test_sync_apk import INDEX as APK_INDEX
from tests.packages.test_web_addresses import DISGUISES, ELSEWHERE

KEY, OTHER = UsignKey.generate("feed"), UsignKey.generate("other")
CORE = "https://downloads.example.org/releases/24.10.2/targets/ath79/generic/packages"
ARCH = "https://downloads.example.org/releases/24.10.2/packages/x/packages"
SEVERAL = ["".join(UsignKey.generate(f"{n}").public_text() for n in range(9)) for _ in range(2)]
APK_KEY = (APK / "key.pem").read_text()


@pytest.fixture
def target(transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    settings.ASU_PREPARE_WAIT = 0
    monkeypatch.setattr("packages.upstream.mirror.PAUSES", ())
    yield make_target()
    intake.close()
    preparing.forget()


@pytest.fixture
def feed(tmp_path: Path) -> MirrorFolder:
    folder = MirrorFolder(tmp_path / "site", KEY)
    folder.feed("mine/mips_24kc", my_tool="1.2-r1", luci="99")
    return folder


@pytest.fixture
def site(feed: MirrorFolder, target: Target) -> Iterator[Server]:
    with serving(feed.root) as running:
        AllowedRepository.objects.create(address=f"{running.url}/mine", is_inside_allowed=True)
        yield running


def wish(site: Server, **changes: Any) -> dict[str, Any]:
    return {
        "packages": ["my-tool"],
        "repositories": {"mine": f"{site.url}/mine/mips_24kc"},
        "repository_keys": [KEY.public_text()],
        **changes,
    }


def settled(client: Client, target: Target, **changes: Any) -> Any:
    """The answer to a request after the cluster did its part."""
    answer = ask(client, **changes)
    if answer.status_code != 202 or answer.json()["detail"] != "started":
        return answer
    tasks.prepare(target.pk)
    return client.get(f"/api/v1/build/{answer.json()['request_hash']}")


def spec_of(answer: Any) -> dict[str, Any]:
    spec: dict[str, Any] = Build.objects.get(spec_hash=answer.json()["request_hash"]).spec
    return spec


def keys_of(feed: dict[str, Any]) -> list[UsignPublicKey]:
    return [UsignPublicKey.parse(key["text"]) for key in feed["keys"]]


def assert_refused(answer: Any, *said: str, status: int = 400) -> None:
    assert answer.status_code == answer.json()["status"] == status, answer.content
    for words in said:
        assert words in answer.json()["detail"]
    assert not Build.objects.exists()


# -- allowed ------------------------------------------------------------------------------------------------


def test_a_package_of_an_allowed_repository_is_built_from_it(client: Client, target: Target, site: Server) -> None:
    waiting = ask(client, **wish(site))
    assert waiting.status_code == 202
    assert waiting.json()["detail"] == "started"

    tasks.prepare(target.pk)
    answer = client.get(f"/api/v1/build/{waiting.json()['request_hash']}")

    assert answer.json()["detail"] == "queued", answer.content
    assert answer.json()["request"]["repositories"] == {"mine": f"{site.url}/mine/mips_24kc"}
    assert answer.json()["request"]["repositories_mode"] == "append"
    spec = spec_of(answer)
    assert spec["packages"] == ["my-tool"]
    assert [feed["kind"] for feed in spec["feeds"]] == ["target", "arch", "extra"]
    added = spec["feeds"][-1]
    assert added["url"] == f"{site.url}/mine/mips_24kc"
    assert added["within"] == f"{site.url}/mine"
    assert added["is_inside_allowed"] is True
    assert [key["kind"] for key in added["keys"]] == ["usign"]
    assert added["index_sha256"] == Feed.objects.get(kind="extra").index_sha256


def test_what_is_known_lately_is_checked_at_once(client: Client, target: Target, site: Server) -> None:
    first = settled(client, target, **wish(site))
    OrmQ.objects.all().delete()

    again = ask(client, **wish(site))
    other = ask(client, **wish(site, packages=["my-tool", "vim"]))

    assert again.json()["request_hash"] == first.json()["request_hash"]
    assert other.json()["detail"] == "queued"
    assert not OrmQ.objects.exists()


def test_the_name_of_a_repository_does_not_decide_the_build(client: Client, target: Target, site: Server) -> None:
    first = settled(client, target, **wish(site))
    url = f"HTTP{site.url[4:]}/mine/mips_24kc/Packages.gz"

    second = ask(client, **wish(site, repositories={"other": url, "twice": f"{site.url}/mine/mips_24kc/"}))

    assert second.json()["request_hash"] == first.json()["request_hash"]


def test_the_state_of_a_repository_decides_the_build(
    client: Client, target: Target, site: Server, feed: MirrorFolder
) -> None:
    first = settled(client, target, **wish(site))
    feed.feed("mine/mips_24kc", my_tool="1.3-r1")
    assert ask(client, **wish(site)).json()["request_hash"] == first.json()["request_hash"]

    long_ago(client)
    second = settled(client, target, **wish(site))

    assert second.json()["detail"] == "queued"
    assert second.json()["request_hash"] != first.json()["request_hash"]
    assert Package.objects.get(full_name="my-tool").version == "1.3-r1"


def long_ago(client: Client) -> None:
    """Everything was read and asked for an hour ago."""
    past = timezone.now() - timedelta(hours=1)
    Feed.objects.filter(kind="extra").update(synced_at=past)
    ImageRequest.objects.update(tried_at=past)


def test_a_repository_that_did_not_change_is_not_sent_again(client: Client, target: Target, site: Server) -> None:
    first = settled(client, target, **wish(site))
    long_ago(client)

    second = settled(client, target, **wish(site))

    assert second.json()["request_hash"] == first.json()["request_hash"]
    assert site.paths(304) == ["/mine/mips_24kc/Packages.gz"]
    assert ask(client, **wish(site)).json()["detail"] == "queued"


def test_repositories_of_a_target_that_nobody_asked_for_wait_with_it(
    client: Client, target: Target, site: Server, feed: MirrorFolder
) -> None:
    feed.versions("24.10.2")
    feed.target("releases/24.10.2", "24.10.2", "ath79/generic")
    feed.feed("releases/24.10.2/targets/ath79/generic/packages", base_files="1")
    Distribution.objects.update(url=feed.root.as_uri())
    Target.objects.update(synced_at=None)
    target.feeds.all().delete()
    from packages import generation

    generation.bump()

    answer = settled(client, target, **wish(site))

    assert answer.json()["detail"] == "queued", answer.content


def test_a_repository_that_is_not_allowed_is_refused_before_the_target_is_known(
    client: Client, target: Target, site: Server
) -> None:
    Target.objects.update(synced_at=None)
    from packages import generation

    generation.bump()

    assert_refused(ask(client, **wish(site, repositories={"x": f"{site.url}/other"})), "repositories[x]", "not allowed")
    assert not ImageRequest.objects.exists()


# -- the feeds of the target ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_all_feeds_of_the_target_are_what_it_has_anyway(client: Client, target: Target, mode: str) -> None:
    plain = ask(client)

    named = ask(client, repositories={"core": CORE, "luci": f"{ARCH}/Packages.gz"}, repositories_mode=mode)

    assert named.json()["request_hash"] == plain.json()["request_hash"], named.content


def test_without_a_mode_repositories_come_on_top(client: Client, target: Target) -> None:
    assert ask(client, repositories={"core": CORE}).json()["request_hash"] == ask(client).json()["request_hash"]


def test_replaced_feeds_are_left_out(client: Client, target: Target) -> None:
    narrow = {"repositories": {"core": CORE}, "repositories_mode": "replace"}

    refused = ask(client, **narrow)
    built = ask(client, packages=["tcpdump"], **narrow)

    assert refused.status_code == 422
    assert refused["X-Unknown-Package"] == "luci"
    assert [feed["name"] for feed in spec_of(built)["feeds"]] == ["core"]
    assert built.json()["request_hash"] != ask(client, packages=["tcpdump"]).json()["request_hash"]


def test_a_replacement_may_be_a_repository_alone(client: Client, target: Target, site: Server) -> None:
    answer = settled(client, target, **wish(site, repositories_mode="replace"))

    assert [feed["kind"] for feed in spec_of(answer)["feeds"]] == ["extra"]


def test_what_an_imagebuilder_carries_stays(client: Client, target: Target, site: Server) -> None:
    carried = Feed.objects.create(release=target.release, name="imagebuilder", kind="imagebuilder", path=target.path)
    Package.objects.create(feed=carried, name="inside", full_name="inside", version="1")
    target.feeds.add(carried)
    Target.objects.update(state_hash="aa" * 32)
    from packages import generation

    generation.bump()

    answer = settled(client, target, **wish(site, packages=["inside"], repositories_mode="replace"))

    assert [feed["kind"] for feed in spec_of(answer)["feeds"]] == ["imagebuilder", "extra"]


def test_a_known_distribution_is_known_by_its_own_address_too(client: Client, target: Target) -> None:
    named = CORE.replace("downloads.example.org", "downloads.openwrt.org")

    assert ask(client, repositories={"core": named}).json()["request_hash"] == ask(client).json()["request_hash"]


@pytest.mark.parametrize(
    "url",
    [
        "https://downloads.example.org/releases/24.10.2/targets/ath79/nand/packages",
        "https://downloads.example.org/releases/24.10.1/packages/x/packages",
        "https://downloads.example.org/releases/24.10.2/targets/ath79/generic",
        "https://downloads.example.org",
        "http://downloads.example.org/releases/24.10.2/packages/x/packages",
    ],
)
def test_other_folders_of_the_mirror_are_no_feeds_of_the_target(client: Client, target: Target, url: str) -> None:
    assert_refused(ask(client, repositories={"x": url}), "repositories[x]", "not allowed")


# -- not allowed ----------------------------------------------------------------------------------------------


@pytest.fixture
def allowed(db: None) -> None:
    make_target()
    AllowedRepository.objects.create(address="https://feed.example.org/openwrt")


@pytest.mark.parametrize("url", [url for url, _ in DISGUISES])
def test_an_address_in_disguise_is_refused_and_named(client: Client, allowed: None, url: str) -> None:
    answer = ask(client, repositories={"mine": url})

    assert_refused(answer, "repositories[mine]", "the address of a repository")
    assert not ImageRequest.objects.exists()


@pytest.mark.parametrize("url", ELSEWHERE)
def test_an_address_elsewhere_is_refused_with_what_is_allowed(client: Client, allowed: None, url: str) -> None:
    answer = ask(client, repositories={"mine": url})

    assert_refused(answer, "repositories[mine]", "not allowed", "https://feed.example.org/openwrt")
    assert not ImageRequest.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repositories": "https://feed.example.org/openwrt"}, "repositories"),
        ({"repositories": ["https://feed.example.org/openwrt"]}, "repositories"),
        ({"repositories": 5}, "repositories"),
        ({"repositories": {"mine": None}}, "repositories[mine]"),
        ({"repositories": {"mine": ["https://feed.example.org/openwrt"]}}, "repositories[mine]"),
        ({"repositories": {"a\nsrc/gz evil http://evil": "https://feed.example.org/openwrt"}}, "name of a repository"),
        ({"repositories": {"": "https://feed.example.org/openwrt"}}, "name of a repository"),
        ({"repositories": {"../x": "https://feed.example.org/openwrt"}}, "name of a repository"),
        ({"repositories": {"a b": "https://feed.example.org/openwrt"}}, "name of a repository"),
        ({"repositories": {"\uff41": "https://feed.example.org/openwrt"}}, "name of a repository"),
        ({"repositories": {"x" * 65: "https://feed.example.org/openwrt"}}, "name of a repository"),
        ({"repositories": {f"r{n}": "https://feed.example.org/openwrt" for n in range(17)}}, "at most 16"),
        ({"repositories_mode": "prepend"}, "repositories_mode"),
        ({"repositories_mode": True}, "repositories_mode"),
        ({"repositories_mode": ["append"]}, "repositories_mode"),
        ({"repository_keys": "RWS"}, "repository_keys"),
        ({"repository_keys": [None]}, "repository_keys[0]"),
        ({"repository_keys": [""]}, "repository_keys[0]"),
        ({"repository_keys": ["x" * 5000]}, "repository_keys[0]"),
        ({"repository_keys": [KEY.public_text(), "x"]}, "repository_keys[1]"),
        ({"repository_keys": [KEY.secret_text()]}, "repository_keys[0]"),
        ({"repository_keys": ["-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----"]}, "repository_keys[0]"),
        ({"repository_keys": [KEY.public_text()] * 17}, "at most 16"),
        ({"repositories": {"x": CORE}, "repository_keys": SEVERAL}, "at most 16"),
    ],
)  # fmt: skip
def test_fields_of_another_shape_are_refused_and_named(
    client: Client, allowed: None, changes: dict[str, Any], said: str
) -> None:
    assert_refused(ask(client, **changes), said)
    assert not ImageRequest.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"repositories": {}, "repository_keys": []},
        {"repositories": [], "repository_keys": {}, "repositories_mode": ""},
        {"repositories_mode": "replace"},
        {"repository_keys": [KEY.public_text()]},
    ],
)
def test_without_repositories_the_other_fields_mean_nothing(
    client: Client, allowed: None, changes: dict[str, Any]
) -> None:
    assert ask(client, **changes).json()["request_hash"] == ask(client).json()["request_hash"]


def test_an_entry_may_be_for_one_distribution_or_switched_off(client: Client, target: Target, site: Server) -> None:
    other = Distribution.objects.create(name="demo", url="https://demo.example.org")
    AllowedRepository.objects.update(distribution=other)
    assert_refused(ask(client, **wish(site)), "not allowed")

    AllowedRepository.objects.update(distribution=target.release.distribution)
    assert ask(client, **wish(site)).status_code == 202
    AllowedRepository.objects.update(is_enabled=False)
    assert_refused(ask(client, **wish(site)), "not allowed")


def test_a_private_network_is_refused_unless_the_entry_allows_it(client: Client, target: Target, site: Server) -> None:
    AllowedRepository.objects.update(is_inside_allowed=False)

    assert_refused(settled(client, target, **wish(site)), "repositories[mine]", "private network")
    assert site.seen == []


def test_a_redirect_to_elsewhere_is_refused(client: Client, target: Target, site: Server, feed: MirrorFolder) -> None:
    feed.feed("evil", my_tool="6.6.6")
    site.faults["/mine/mips_24kc/Packages.gz"] = lambda handler: handler.answer(302, b"", Location="/evil/Packages.gz")

    assert_refused(settled(client, target, **wish(site)), "repositories[mine]", "does not allow")
    assert site.paths(200) == []


# -- signatures -----------------------------------------------------------------------------------------------


def test_a_key_may_come_as_its_line_alone(client: Client, target: Target, site: Server) -> None:
    answer = settled(client, target, **wish(site, repository_keys=[KEY.public_text().splitlines()[1]]))

    assert answer.json()["detail"] == "queued"


@pytest.mark.parametrize("keys", [[], [OTHER.public_text()]])
def test_what_nobody_vouches_for_is_refused(client: Client, target: Target, site: Server, keys: list[str]) -> None:
    answer = settled(client, target, **wish(site, repository_keys=keys))

    assert_refused(answer, "repositories[mine]", "repository_keys")
    assert not Feed.objects.filter(kind="extra").exists()


def test_an_unsigned_index_is_refused(client: Client, target: Target, site: Server, feed: MirrorFolder) -> None:
    (feed.root / "mine/mips_24kc/Packages.sig").unlink()

    assert_refused(settled(client, target, **wish(site)), "repositories[mine]", "not signed")


def test_a_changed_index_is_refused(client: Client, target: Target, site: Server, feed: MirrorFolder) -> None:
    signature = (feed.root / "mine/mips_24kc/Packages.sig").read_bytes()
    feed.feed("mine/mips_24kc", my_tool="6.6.6")
    feed.write("mine/mips_24kc/Packages.sig", signature)

    assert_refused(settled(client, target, **wish(site)), "repositories[mine]", "not signed")
    assert not Feed.objects.filter(kind="extra").exists()


def test_a_repository_may_be_signed_by_the_distribution(client: Client, target: Target, site: Server) -> None:
    DistributionKey.objects.create(distribution=target.release.distribution, kind="usign", text=KEY.public_text())

    answer = settled(client, target, **wish(site, repository_keys=[]))

    assert keys_of(spec_of(answer)["feeds"][-1]) == [KEY.public]


def test_a_repository_may_be_signed_by_a_flavour_that_is_not_built_from(
    client: Client, transactional_db: None, site: Server, target: Target
) -> None:
    Target.objects.all().delete()
    Distribution.objects.all().delete()
    with transaction.atomic():
        flavour = make_flavour("lime-system")
    flavour.release.distribution.keys.update(text=KEY.public_text())
    generation.bump()
    wanted = wish(site, repository_keys=[], repositories_mode="replace", packages=["my-tool", "-lime-system"])

    answer = settled(client, flavour, **wanted, distro="lime", version=flavour.release.version)

    assert answer.json()["detail"] == "queued", answer.content
    [feed] = spec_of(answer)["feeds"]
    # Nobody else gives that key to the ImageBuilder.
    assert (feed["kind"], keys_of(feed)) == ("extra", [KEY.public])


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_repository_does_not_bring_what_no_device_starts_without(
    client: Client, target: Target, site: Server, feed: MirrorFolder, mode: str
) -> None:
    feed.feed("mine/copy", base_files=PACKAGES["base-files"], my_tool="1")
    feed.feed("mine/shadow", base_files="9999-r1", my_tool="1")

    copy = settled(client, target, **wish(site, repositories={"x": f"{site.url}/mine/copy"}, repositories_mode=mode))
    assert copy.json()["detail"] == "queued", copy.content
    Build.objects.all().delete()

    shadow = wish(site, repositories={"x": f"{site.url}/mine/shadow"}, repositories_mode=mode)
    assert_refused(settled(client, target, **shadow), "repositories[x]", "has base-files 9999-r1")


def test_a_key_with_the_number_of_another_is_refused(client: Client, target: Target, site: Server) -> None:
    DistributionKey.objects.create(distribution=target.release.distribution, kind="usign", text=OTHER.public_text())
    generation.bump()
    twin, third = (replace(UsignKey.generate("twin"), number=key.number).public_text() for key in (OTHER, KEY))

    for keys in ([twin], [KEY.public_text(), twin], [KEY.public_text(), third]):
        answer = settled(client, target, **wish(site, repository_keys=keys))
        assert_refused(answer, "repository_keys", "is the number of another key too")
    same = [KEY.public.text("again"), OTHER.public_text(), KEY.public_text()]
    assert settled(client, target, **wish(site, repository_keys=same)).json()["detail"] == "queued"


def test_an_index_whose_packages_name_too_many_others_is_refused(
    client: Client, target: Target, site: Server, feed: MirrorFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "MAX_RELATIONS", 20)
    names = ", ".join(f"name-{number}" for number in range(21))
    index = f"Package: my-tool\nVersion: 1\nProvides: {names}\n".encode()
    feed.write("mine/mips_24kc/Packages", index)
    feed.write("mine/mips_24kc/Packages.gz", gzip.compress(index))
    feed.write("mine/mips_24kc/Packages.sig", KEY.sign(index))

    assert_refused(settled(client, target, **wish(site)), "more than 20 others")


def test_who_copies_a_feed_and_signs_it_does_not_put_a_signature_in_the_place_of_ours(
    client: Client, target: Target, site: Server, feed: MirrorFolder
) -> None:
    index = (feed.root / "mine/mips_24kc/Packages").read_bytes()
    sha256 = index_cache.save(index, b"by the distribution")  # as a sync leaves it

    assert settled(client, target, **wish(site)).json()["detail"] == "queued"

    assert index_cache.signature(sha256) == b"by the distribution"
    signer = index_cache.signer_id(KEY.public_text())
    assert index_cache.signature(sha256, signer) == (feed.root / "mine/mips_24kc/Packages.sig").read_bytes()


def test_the_order_of_repositories_decides_nothing(
    client: Client, target: Target, site: Server, feed: MirrorFolder
) -> None:
    feed.feed("mine/other", my_tool="1.2-r1")
    one, other = f"{site.url}/mine/mips_24kc", f"{site.url}/mine/other"

    first = settled(client, target, **wish(site, repositories={"a": one, "b": other}))
    # The feeds of the build that is stored, not of the one that was found to be equal.
    order = [entry["url"] for entry in spec_of(first)["feeds"]]
    Build.objects.all().delete()
    ImageRequest.objects.all().delete()
    second = settled(client, target, **wish(site, repositories={"a": other, "b": one}))

    assert second.json()["request_hash"] == first.json()["request_hash"]
    assert [entry["url"] for entry in spec_of(second)["feeds"]] == order


def test_keys_of_the_operator_are_the_only_ones(client: Client, target: Target, site: Server) -> None:
    AllowedRepository.objects.update(keys=OTHER.public_text())
    assert_refused(settled(client, target, **wish(site)), "repositories[mine]", "not signed")

    AllowedRepository.objects.update(keys=OTHER.public_text() + KEY.public_text())
    long_ago(client)
    assert settled(client, target, **wish(site, repository_keys=[])).json()["detail"] == "queued"


def test_who_trusts_others_is_not_served_with_what_somebody_believed(
    client: Client, target: Target, site: Server
) -> None:
    assert settled(client, target, **wish(site)).json()["detail"] == "queued"
    Build.objects.all().delete()

    answer = settled(client, target, **wish(site, packages=["my-tool", "vim"], repository_keys=[OTHER.public_text()]))

    assert_refused(answer, "repositories[mine]", "not signed")


def test_two_who_trust_different_signers_do_not_ask_in_turns(
    client: Client, target: Target, site: Server, feed: MirrorFolder
) -> None:
    settled(client, target, **wish(site))
    index = (feed.root / "mine/mips_24kc/Packages").read_bytes()
    feed.write("mine/mips_24kc/Packages.sig", OTHER.sign(index))
    other = wish(site, repository_keys=[OTHER.public_text()])

    assert settled(client, target, **other).json()["detail"] == "queued"

    asked = len(site.seen)
    assert ask(client, **wish(site)).json()["detail"] == "queued"
    assert ask(client, **other).json()["detail"] == "queued"
    assert len(site.seen) == asked


# -- trouble --------------------------------------------------------------------------------------------------


def test_a_folder_without_index_is_refused(client: Client, target: Target, site: Server) -> None:
    answer = settled(client, target, **wish(site, repositories={"x": f"{site.url}/mine/nothing"}))

    assert_refused(answer, "repositories[x]", "no package index")


def test_a_repository_that_does_not_answer_is_a_failure_that_is_tried_again(
    client: Client, target: Target, site: Server
) -> None:
    site.faults["/mine/mips_24kc/Packages.gz"] = lambda handler: handler.answer(503, b"busy")
    answer = settled(client, target, **wish(site))
    assert_refused(answer, "repositories[mine]", "cannot be read", status=500)
    assert answer.json()["stdout"] == ""

    site.faults.clear()
    long_ago(client)

    assert settled(client, target, **wish(site)).json()["detail"] == "queued"


def test_a_huge_index_is_refused(client: Client, target: Target, site: Server, settings: Settings) -> None:
    settings.ASU_MAX_DOCUMENT_MB = 1
    site.faults["/mine/mips_24kc/Packages.gz"] = lambda handler: handler.answer(200, bytes(2 * 2**20))

    assert_refused(settled(client, target, **wish(site)), "repositories[mine]", "cannot be used")


def test_unknown_packages_are_told_apart_from_those_of_repositories(
    client: Client, target: Target, site: Server
) -> None:
    answer = settled(client, target, **wish(site, packages=["my-tool", "luci", "no-such"]))

    assert answer.status_code == 422
    assert answer["X-Unknown-Package"] == "no-such"


@pytest.mark.parametrize(("version", "status"), [("99", 202), (PACKAGES["luci"], 202), ("7", 500)])
def test_any_of_the_versions_on_offer_may_be_expected(
    client: Client, target: Target, site: Server, version: str, status: int
) -> None:
    answer = settled(client, target, **wish(site, packages_versions={"luci": version, "my-tool": "1.2-r1"}))

    assert answer.status_code == status, answer.content


def test_requests_without_repositories_do_not_wait_for_slow_ones(
    client: Client, target: Target, site: Server, feed: MirrorFolder
) -> None:
    Distribution.objects.update(url=(feed.root / "no-mirror").as_uri())
    Target.objects.update(synced_at=timezone.now() - timedelta(hours=1))
    waiting: list[Any] = []

    def slow(handler: Any) -> None:
        waiting.extend(ImageRequest.objects.preparing().values_list("echo__packages_versions", flat=True))
        connections.close_all()  # of the thread that serves
        handler.send_file((feed.root / "mine/mips_24kc/Packages.gz").read_bytes())

    site.faults["/mine/mips_24kc/Packages.gz"] = slow
    first = ask(client, **wish(site))
    # Of another state of the feeds, so the mirror is asked whether it has moved.
    assert ask(client, packages_versions={"luci": "7"}).json()["detail"] == "started"

    tasks.prepare(target.pk)

    assert waiting == [{}]
    assert client.get(f"/api/v1/build/{first.json()['request_hash']}").json()["detail"] == "queued"


# -- apk ------------------------------------------------------------------------------------------------------


def test_apk_indexes_are_signed_inside_and_named_by_their_file(
    client: Client, target: Target, site: Server, feed: MirrorFolder
) -> None:
    Target.objects.update(package_manager="apk", state_hash="ab" * 32)
    from packages import generation

    generation.bump()
    feed.write("mine/packages.adb", APK_INDEX)
    asked = {"repositories": {"mine": f"{site.url}/mine/packages.adb"}, "packages": ["hello"]}

    assert_refused(settled(client, target, **asked, repository_keys=[KEY.public_text()]), "apk key")
    answer = settled(client, target, **asked, repository_keys=[KEY.public_text(), APK_KEY])

    added = spec_of(answer)["feeds"][-1]
    assert (added["format"], added["url"]) == ("apk", f"{site.url}/mine")
    assert [key["kind"] for key in added["keys"]] == ["apk"]


# -- what is told, what is kept -------------------------------------------------------------------------------


def test_the_overview_lists_what_is_allowed(client: Client, target: Target, site: Server) -> None:
    AllowedRepository.objects.create(address="https://off.example.org", is_enabled=False)

    server = client.get("/api/v1/overview").json()["server"]

    assert server["repository_allow_list"] == [f"{site.url}/mine"]


def test_the_page_shows_the_repositories_with_their_state(client: Client, target: Target, site: Server) -> None:
    answer = settled(client, target, **wish(site))

    page = client.get(f"/images/{answer.json()['request_hash']}/").content.decode()

    assert f"{site.url}/mine/mips_24kc" in page
    assert Feed.objects.get(kind="extra").index_sha256 in page


def test_repositories_that_nobody_names_are_forgotten(client: Client, target: Target, site: Server) -> None:
    settled(client, target, **wish(site))
    tasks.tidy()
    assert Feed.objects.filter(kind="extra").count() == 1

    Feed.objects.filter(kind="extra").update(synced_at=timezone.now() - extra.KEPT - timedelta(minutes=1))
    tasks.tidy()

    assert not Feed.objects.filter(kind="extra").exists()
    assert not Package.objects.filter(full_name="my-tool").exists()
    assert target.feeds.count() == 2


def test_there_is_a_limit_to_what_is_kept(
    client: Client, target: Target, site: Server, feed: MirrorFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "MAX_FEEDS", 1)
    feed.feed("mine/other", my_tool="1.2-r1")
    settled(client, target, **wish(site))
    settled(client, target, **wish(site, repositories={"mine": f"{site.url}/mine/other"}))

    tasks.tidy()

    assert Feed.objects.get(kind="extra").path == "mine/other"
