"""The packages that a build will open are foreseen."""

from builders.closure import MAX_PROVIDERS, FeedIndex, close, roots
from packages.parsing.types import PackageEntry


def package(name: str, depends: str = "", provides: str = "", version: str = "1", abi: str = "") -> PackageEntry:
    return PackageEntry(
        full_name=name + abi,
        name=name,
        version=version,
        depends=tuple(item.strip() for item in depends.split(",") if item),
        provides=tuple(item.strip() for item in provides.split(",") if item),
        file_name=f"{name}{abi}_{version}_all.ipk",
    )


def index(*entries: PackageEntry) -> FeedIndex:
    return FeedIndex.of(entries)


def found(*feeds: FeedIndex, wanted: list[str], carried: FeedIndex | None = None) -> list[str]:
    return [candidate.full_name for _, candidate in close(feeds, wanted, carried=carried)]


def test_dependencies_are_followed_over_feeds() -> None:
    base = index(package("libc-helper"), package("libubox", "libc-helper"))
    luci = index(package("luci", "luci-base"), package("luci-base", "libubox (>= 2)"), package("luci-app-other"))

    names = found(base, luci, wanted=["luci"])

    assert names == ["luci", "luci-base", "libubox", "libc-helper"]


def test_each_package_knows_its_feed() -> None:
    base, luci = index(package("base-files")), index(package("luci", "base-files"))

    items = close([base, luci], ["luci"])

    assert [(number, candidate.full_name) for number, candidate in items] == [(1, "luci"), (0, "base-files")]


def test_a_circle_of_dependencies_ends() -> None:
    feed = index(package("a", "b"), package("b", "a"))

    assert found(feed, wanted=["a"]) == ["a", "b"]


def test_a_name_without_abi_suffix_finds_the_package() -> None:
    feed = index(package("libubox", abi="20230523"), package("other", provides="libubox"))

    assert found(feed, wanted=["libubox"]) == ["libubox20230523"]


def test_of_many_providers_the_requested_one_is_taken() -> None:
    feed = index(
        package("hostapd", "wpad-any"), package("wpad-mini", provides="wpad-any"), package("wpad", provides="wpad-any")
    )

    assert found(feed, wanted=["hostapd", "wpad"]) == ["hostapd", "wpad"]


def test_of_many_providers_all_are_taken_up_to_a_bound() -> None:
    few = index(package("a", provides="any"), package("b", provides="any"))
    many = index(*(package(f"p{number}", provides="any") for number in range(50)))

    assert found(few, wanted=["any"]) == ["a", "b"]
    assert len(found(many, wanted=["any"])) == MAX_PROVIDERS


def test_a_choice_takes_what_is_there_already_and_otherwise_all() -> None:
    feed = index(package("app", "tls-a | tls-b"), package("tls-a"), package("tls-b"))

    assert found(feed, wanted=["tls-b", "app"]) == ["tls-b", "app"]
    assert found(feed, wanted=["app"]) == ["app", "tls-a", "tls-b"]


def test_versions_and_shared_objects_of_apk_are_understood() -> None:
    feed = index(
        package("app", "so:libz.so.1, cmd:awk, !other, dnsmasq (=2.90)"),
        package("zlib", provides="so:libz.so.1 (=1.2)"),
        package("gawk", provides="cmd:awk (=5)"),
        package("dnsmasq-full", provides="dnsmasq (=2.90)"),
        package("other"),
    )

    assert sorted(found(feed, wanted=["app"])) == ["app", "dnsmasq-full", "gawk", "zlib"]


def test_what_the_imagebuilder_carries_serves_needs_and_has_needs_but_is_not_fetched() -> None:
    feed = index(package("app", "kernel, base-files"), package("netifd"))
    carried = index(package("kernel"), package("base-files", "netifd"))

    assert found(feed, wanted=["app"], carried=carried) == ["app", "netifd"]


def test_a_carried_package_is_fetched_only_in_another_version() -> None:
    feed = index(package("base-files", "netifd", version="2"), package("netifd"))

    same = close([feed], ["base-files"], carried_versions={"base-files": "2"})
    other = close([feed], ["base-files"], carried_versions={"base-files": "1"})

    assert [candidate.full_name for _, candidate in same] == ["netifd"]
    assert [candidate.full_name for _, candidate in other] == ["base-files", "netifd"]


def test_unknown_names_are_left_to_the_imagebuilder() -> None:
    assert found(index(package("a", "nothing")), wanted=["nowhere", "a"]) == ["a"]


def test_a_minus_takes_away_whoever_asked() -> None:
    words = roots(["dnsmasq", "ppp", "-kmod-usb"], ["dnsmasq-full", "-dnsmasq", "kmod-usb"])

    assert words == ["dnsmasq-full", "ppp"]


def test_the_index_tells_names_without_abi_suffix() -> None:
    assert index(package("libubox", abi="20230523"), package("app")).names() == {"libubox20230523": "libubox"}
