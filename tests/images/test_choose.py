"""The page on which people choose packages and have an image built."""

import random
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import QueryDict
from django.test import Client
from pytest_django import Settings

from builders.closure import roots
from builders.models import Build
from demo.imagebuilder.scripts import opkg
from demo.imagebuilder.scripts.feeds import Errors
from demo.imagebuilder.scripts.resolver import Resolver
from images.choosing import Choice
from images.clients import NOBODY
from images.models import ImageRequest
from images.places import find
from images.selection import Selection
from packages import generation, index_cache
from packages.models import (
    Channel,
    Distribution,
    Feed,
    ListedDevice,
    NetworkProfile,
    Organisation,
    Package,
    Profile,
    Release,
    Target,
)
from packages.visibility import PUBLIC
from tests.images.demo_catalogue import DEVICE, NEWER, OLDER, TARGET, make_demo
from tests.images.factories import make_target
from tests.images.publications import publish

PAGE = f"/devices/demo/{TARGET}/{DEVICE}/choose/"


@pytest.fixture
def demo(db: None) -> Distribution:
    return make_demo()


def get(client: Client, page: str = PAGE, status: int = 200, **query: str) -> str:
    answer = client.get(page, query)
    assert answer.status_code == status, answer
    return unescape(" ".join(answer.content.decode().split()))


def post(client: Client, page: str = PAGE, **fields: str) -> Any:
    return client.post(page, fields)


def chosen(text: str) -> list[str]:
    [words] = re.findall(r'name="packages" value="([^"]*)"', text)
    return str(words).split()


def words_of(answer: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


# -- what is shown -----------------------------------------------------------------------------------------


def test_the_page_offers_the_stable_release_and_tells_what_is_in_it_anyway(demo: Distribution, client: Client) -> None:
    text = get(client)

    assert "An image for Acme Pebble" in text and f'<option value="{NEWER}" selected>' in text
    assert f'<option value="{OLDER}">' in text
    assert "in the image anyway" in text and 'name="drop" value="dnsmasq"' in text
    assert 'name="drop" value="busybox"' not in text  # nothing starts without it
    assert "wpad-basic" not in re.findall(r'name="drop" value="([^"]+)"', text)  # the device does without


def test_packages_are_found_by_name_first_and_by_their_descriptions(demo: Distribution, client: Client) -> None:
    found = re.findall(r'name="(?:add|drop|keep)" value="([^"]+)">', get(client, f"{PAGE}packages", q="WEB server"))

    assert found == ["uhttpd", "demo-blog", "demo-lighttpd"]
    names = re.findall(r'name="(?:add|drop|keep)" value="([^"]+)">', get(client, f"{PAGE}packages", q="demo-clock"))
    assert names == ["demo-clock", "demo-clock-ng"]


def test_what_a_package_brings_is_told_with_its_size(demo: Distribution, client: Client) -> None:
    text = get(client, packages="demo-sniff")

    assert re.search(r"brings 1 more, [0-9.]+ KB", text)
    assert "<code>libdemopcap</code>" in text
    assert "2 packages more than usual" in text


def test_what_is_there_anyway_is_marked_in_what_was_found(demo: Distribution, client: Client) -> None:
    text = get(client, f"{PAGE}packages", q="dnsmasq")

    assert "part of the image anyway" in text
    assert "chosen" in get(client, f"{PAGE}packages", q="dnsmasq", packages="dnsmasq-full")
    assert "left out" in get(client, f"{PAGE}packages", q="dnsmasq", packages="-dnsmasq")
    assert "comes with another package" in get(client, f"{PAGE}packages", q="libnettle", packages="dnsmasq-full")


def test_packages_that_exclude_each_other_are_told_with_a_way_out(demo: Distribution, client: Client) -> None:
    text = get(client, packages="dnsmasq-full")

    assert "exclude each other" in text and 'name="drop" value="dnsmasq"' in text
    assert "Try to build it" in text
    assert "exclude each other" not in get(client, packages="dnsmasq-full -dnsmasq")
    assert "exclude each other" in get(client, packages="demo-red demo-blue")


def test_a_need_that_the_release_does_not_meet_is_told(demo: Distribution, client: Client) -> None:
    assert "<code>demo-impossible</code> needs <code>libdoesnotexist</code>" in get(client, packages="demo-impossible")
    assert "<code>demo-fresh</code> needs" in get(client, packages="demo-fresh", version=OLDER)
    assert "<code>demo-fresh</code> needs" not in get(client, packages="demo-fresh", version=NEWER)


def test_the_removal_of_what_another_needs_is_told(demo: Distribution, client: Client) -> None:
    assert re.search(r"It comes back: [a-z, ]*procd needs it", get(client, packages="-libubus -uci").replace("-", ""))


def test_what_nothing_starts_without_can_be_put_back(demo: Distribution, client: Client) -> None:
    text = get(client, packages="-busybox")

    assert "The device does not start without busybox" in text and 'name="keep" value="busybox"' in text


def test_names_of_other_releases_are_told_by_what_took_their_place(demo: Distribution, client: Client) -> None:
    demo.package_changes.create(kind="renamed", sources=["demo-fetch"], targets=["demo-get"], version="25.04")
    demo.package_changes.create(kind="dropped", sources=["demo-legacy"], version="25.04", why="Nobody looks after it.")

    text = get(client, packages="demo-fetch demo-legacy demo-edtor")

    assert "It is called demo-get now" in text and 'name="swap" value="demo-fetch:demo-get"' in text
    assert "It is gone since 25.04. Nobody looks after it." in text
    assert 'name="swap" value="demo-edtor:demo-editor"' in text
    assert "Unsupported package(s): demo-fetch, demo-legacy, demo-edtor" in text


def test_descriptions_are_shown_as_text_whatever_is_in_them(demo: Distribution, client: Client) -> None:
    Package.objects.filter(name="demo-editor").update(
        description="<script>alert(1)</script> \u202egnp.exe \x1b[31mred", section="<b>"
    )

    answer = client.get(f"{PAGE}packages", {"q": "demo-editor"}).content.decode()

    assert "<script>" not in answer and "<b>" not in answer and "\u202e" not in answer and "\x1b" not in answer
    assert "&lt;U+202E&gt;gnp.exe" in answer


# -- size --------------------------------------------------------------------------------------------------


def _say_size(size: int) -> None:
    """The mirror says how big its own image is; the demo's are stubs."""
    for profile in Profile.objects.filter(name=DEVICE, target__release__version=NEWER):
        profile.images = [image | {"size": size} for image in profile.images]
        profile.save()


def test_the_size_is_worked_out_from_the_distributions_own_image(demo: Distribution, client: Client) -> None:
    _say_size(3 << 20)

    text = get(client, packages="demo-editor")

    assert "About 3.4 MB" in text and "of 5.0 MB" in text and "<meter" in text
    assert "own sysupgrade image of this device" in text


def test_a_size_that_no_image_can_have_is_not_gone_by(demo: Distribution, client: Client) -> None:
    _say_size(4096)

    assert "The sum of the package files" in get(client)


def test_an_image_that_was_built_here_is_the_better_measure(demo: Distribution, client: Client) -> None:
    publish(_requested(client, packages="demo-bulk"))

    with_it, without = _choice("demo-bulk").estimate, _choice("").estimate

    bulk = Package.objects.filter(name="demo-bulk", feed__targets__release__version=NEWER).first()
    assert with_it.basis == without.basis == "built" and bulk
    # The made-up image says that base-files and vim are in it; what is missing of it is added.
    assert with_it.size - without.size == bulk.size


def test_private_images_are_no_measure_for_strangers(demo: Distribution, client: Client) -> None:
    _say_size(3 << 20)
    request = _requested(client)
    publish(request)
    meadow = Organisation.objects.create(name="meadow", title="Meadow")
    ImageRequest.objects.filter(pk=request.pk).update(organisation=meadow)

    assert _choice("").estimate.basis == "upstream"
    assert request.request_hash not in get(client)


def test_too_big_is_told_before_anybody_builds(demo: Distribution, client: Client) -> None:
    _say_size(3 << 20)

    assert "Too big for the flash by about" in get(client, packages="demo-bulk")


def test_without_any_size_the_packages_are_added_up(client: Client, db: None) -> None:
    make_target()

    text = get(client, "/devices/openwrt/ath79/generic/tplink_archer-c7-v2/choose/", packages="vim")

    assert "The sum of the package files" in text


# -- buttons, without JavaScript ---------------------------------------------------------------------------


def test_buttons_lead_to_the_address_that_says_the_same(demo: Distribution, client: Client) -> None:
    answer = post(client, packages="demo-editor", q="web", filesystem="squashfs", add="uhttpd")

    assert answer.status_code == 302
    assert words_of(answer) == {
        "version": NEWER,
        "packages": "demo-editor uhttpd",
        "filesystem": "squashfs",
        "q": "web",
    }


@pytest.mark.parametrize(
    ("before", "button", "after"),
    [
        ("", {"drop": "dnsmasq"}, ["-dnsmasq"]),
        ("-dnsmasq", {"add": "dnsmasq"}, []),
        ("demo-editor", {"drop": "demo-editor"}, []),
        ("-dnsmasq demo-editor", {"keep": "dnsmasq"}, ["demo-editor"]),
        ("demo-fetch", {"swap": "demo-fetch:demo-get"}, ["demo-get"]),
        (
            "demo-suite",
            {"swap": "demo-suite:demo-suite-core,demo-suite-extra"},
            ["demo-suite-core", "demo-suite-extra"],
        ),
        ("demo-editor", {"add": "no name; $(reboot)"}, ["demo-editor"]),
    ],
)
def test_a_button_changes_one_package(
    demo: Distribution, client: Client, before: str, button: dict[str, Any], after: list[str]
) -> None:
    assert words_of(post(client, packages=before, **button)).get("packages", "").split() == after
    assert chosen(get(client, f"{PAGE}selection", 200, packages=before, **button)) == after


def test_a_first_boot_script_stays_and_is_in_no_address(demo: Distribution, client: Client) -> None:
    answer = post(client, packages="", add="demo-editor", defaults="echo a secret")

    text = answer.content.decode()
    assert answer.status_code == 200 and "echo a secret" in text and chosen(text) == ["demo-editor"]
    assert not re.search(r'(?:href|data-copy|data-query)="[^"]*secret', text)
    assert "echo+a" not in text and "secret" not in text.split("In a terminal")[1]


def test_words_that_are_no_names_are_left_out_and_told(demo: Distribution, client: Client) -> None:
    text = get(client, packages="demo-editor $(reboot) -- ../x")

    assert chosen(text) == ["demo-editor"]
    assert "No names of packages, and left out:" in text and "<code>$(reboot)</code>" in text


# -- build -------------------------------------------------------------------------------------------------


def _requested(client: Client, **fields: str) -> ImageRequest:
    answer = post(client, build="1", **{"version": NEWER, **fields})
    assert answer.status_code == 302, answer.content.decode()
    [request_hash] = re.fullmatch(r"/images/([0-9a-f]{64})/", answer["Location"]).groups()  # type: ignore[union-attr]
    return ImageRequest.objects.get(request_hash=request_hash)


def test_build_asks_for_the_image_and_leads_to_its_page(demo: Distribution, client: Client) -> None:
    request = _requested(client, packages="demo-editor -dnsmasq", defaults="echo hi\r\n", filesystem="squashfs")

    build = request.build
    assert build is not None and request.client == "web page"
    assert {"demo-editor", "-dnsmasq"} <= set(build.spec["packages"])
    assert build.spec["defaults"] == "echo hi\n"  # as it is run on the device
    assert request.echo["filesystem"] == "squashfs"


def test_the_same_wish_by_page_and_by_api_is_one_build(demo: Distribution, client: Client) -> None:
    request = _requested(client, packages="demo-editor")
    body = {"version": NEWER, "target": TARGET, "profile": DEVICE, "packages": ["demo-editor"]}

    answer = client.post("/demo/api/v1/build", body, content_type="application/json")

    assert answer.json()["request_hash"] == request.request_hash
    assert Build.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"packages": "nonsense"}, 422, "Unsupported package(s): nonsense"),
        ({"packages": "-busybox"}, 400, "cannot be removed"),
        ({"filesystem": "ext4"}, 400, 'id="filesystem-wrong" lang="en">filesystem: acme_pebble has no image with ext4'),
        ({"rootfs_size_mb": "lots"}, 400, 'id="rootfs-wrong" lang="en">rootfs_size_mb: \'lots\' is not a whole number'),
        (
            {"network_profile": "nowhere"},
            400,
            'id="network-profile-wrong" lang="en">network_profile: \'nowhere\' is none',
        ),
        ({"defaults": "x" * 20481}, 400, 'id="defaults-wrong" lang="en">defaults: 20481 bytes are too many'),
        ({"packages": "a;b"}, 400, "No names of packages"),
    ],
)
def test_a_refusal_shows_the_page_again_with_all_kept(
    demo: Distribution, client: Client, fields: dict[str, str], status: int, told: str
) -> None:
    answer = post(client, build="1", **{"version": NEWER, "packages": "demo-editor", "q": "web", **fields})

    text = unescape(answer.content.decode())
    assert answer.status_code == status and told in text
    assert 'value="web"' in text
    assert {name for name in fields.get("packages", "demo-editor").split() if ";" not in name} == set(chosen(text))
    assert not Build.objects.exists()


def test_who_had_enough_is_told_so_with_all_kept(demo: Distribution, settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    client = Client(REMOTE_ADDR="203.0.113.77")
    _requested(client, packages="demo-editor")

    answer = post(client, build="1", version=NEWER, packages="demo-modem")

    assert answer.status_code == 429 and answer["Retry-After"]
    assert "Too many requests" in answer.content.decode() and chosen(answer.content.decode()) == ["demo-modem"]


def test_forged_forms_are_refused(demo: Distribution) -> None:
    assert post(Client(enforce_csrf_checks=True), build="1", version=NEWER).status_code == 403
    assert not ImageRequest.objects.exists()


def test_fine_on_the_page_is_accepted_and_refused_is_refused(demo: Distribution, client: Client) -> None:
    """What the page says of the packages, and what comes of a POST: over random selections, in both directions."""
    chance = random.Random(5)
    names = [*sorted(set(Package.objects.values_list("name", flat=True))), "nonsense", "kernel", "libc"]
    seen = set()
    for _ in range(60):
        words = [chance.choice(("", "", "-")) + chance.choice(names) for _ in range(chance.randrange(7))]
        version = chance.choice((OLDER, NEWER))
        refusal = _choice(" ".join(words), version).refusal

        answer = post(client, build="1", version=version, packages=" ".join(words))

        assert answer.status_code == (refusal.status if refusal else 302), words
        seen.add(answer.status_code)
    assert seen >= {302, 422, 400}


def test_what_is_foreseen_is_what_the_imagebuilder_decides(demo: Distribution) -> None:
    """The demo's ImageBuilder puts packages together with code of its own, in the manner of opkg."""
    chance = random.Random(7)
    outcomes = set()
    for version in (OLDER, NEWER):
        available = _available(version)
        names = sorted(name for name in available if not name.startswith("lib"))
        for _ in range(60):
            wanted = chance.sample(names, chance.randrange(1, 5))
            choice = _choice(" ".join(wanted), version)
            if choice.refusal:
                continue
            is_possible, held = _installed(available, choice)

            assert is_possible == (not choice.conflicts and not choice.missing), wanted
            if is_possible:
                assert held == set(choice.resolution.packages), wanted
            outcomes.add(is_possible)
    assert outcomes == {True, False}


def _choice(packages: str, version: str = NEWER) -> Choice:
    place = find(Distribution.objects.get(name="demo"), TARGET, DEVICE, version, PUBLIC)
    fields = QueryDict(mutable=True)
    fields.update({"packages": packages, "version": version})
    return Choice(place, Selection.of(fields), NOBODY)


def _available(version: str) -> dict[str, list[opkg.Package]]:
    found: dict[str, list[opkg.Package]] = {}
    for feed in Feed.objects.filter(targets__release__version=version, targets__name=TARGET):
        for fields in opkg.stanzas(index_cache.load(feed.index_sha256).decode()):
            package = opkg.Package(fields["Package"], fields["Version"], fields)
            found.setdefault(package.name, []).append(package)
    # Inside the ImageBuilder only.
    for name in ("libc", "kernel"):
        fields = {"Package": name, "Version": "1", "Provides": name}
        found[name] = [opkg.Package(name, _kernel(version) if name == "kernel" else "1", fields)]
    return found


def _kernel(version: str) -> str:
    needs = Package.objects.filter(feed__targets__release__version=version, feed__targets__name=TARGET)
    module = needs.filter(name="kmod-demo-net").values_list("depends", flat=True).first()
    [kernel] = [item for item in module or () if item.startswith("kernel")]
    return str(re.findall(r"[^\s=(]+(?=\))", kernel)[0])


def _installed(available: dict[str, list[opkg.Package]], choice: Choice) -> tuple[bool, set[str]]:
    words = roots(sorted(choice.defaults.listed), sorted(choice._judged[0]))
    errors = Errors()
    resolver = Resolver(available, words, errors)
    for word in ("libc", "kernel", *words):
        plan = resolver.closure(word)
        if plan is None:
            return False, set()
        for package in plan:
            if resolver.conflicts(package):
                return False, set()
            resolver.installed[package.name] = package
    return not errors, set(resolver.installed) - {"libc", "kernel", "libgcc1"}


# -- where -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        "/devices/nobody/demo/generic/acme_pebble/choose/",
        "/devices/demo/demo/nothing/acme_pebble/choose/",
        "/devices/demo/demo/generic/acme_nothing/choose/",
        "/devices/demo/demo/generic/..%5Cx/choose/",
        "/devices/demo/%C3%A4/generic/acme_pebble/choose/",
    ],
)
def test_what_there_is_not_is_not_found(demo: Distribution, client: Client, page: str) -> None:
    for address in (page, f"{page}packages", f"{page}selection"):
        assert client.get(address, {"q": "x"}).status_code == 404
    assert client.post(page, {"build": "1"}).status_code == 404


def test_a_release_without_the_device_names_those_that_have_it(demo: Distribution, client: Client) -> None:
    Profile.objects.filter(target__release__version=OLDER, name=DEVICE).delete()

    text = get(client, status=404, version=OLDER, packages="demo-editor")

    assert f'href="?version={NEWER}&packages=demo-editor"' in text
    assert "Not in this release" in get(client, status=404, version="1\0' OR 1=1")


def test_a_target_that_nobody_read_yet_is_sent_for(
    demo: Distribution, client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ASU_PREPARE_WAIT = 0
    sent: list[Any] = []
    monkeypatch.setattr("images.preparing.async_task", lambda *words: sent.append(words))
    Target.objects.filter(release__version=OLDER).update(synced_at=None)
    generation.bump()

    text = get(client, version=OLDER)

    assert "Reading what this release has" in text and 'http-equiv="refresh"' in text
    assert [words[0] for words in sent] == ["images.tasks.prepare"]
    get(client, version=OLDER)
    assert len(sent) == 1  # asked again at once it is on its way already


@pytest.mark.parametrize(
    ("listed", "is_offered"), [([DEVICE, "acme_other"], True), (["acme_other"], False), ([], True)]
)
@pytest.mark.parametrize("is_flavour", [False, True])
def test_a_release_that_nobody_read_is_offered_unless_its_list_lacks_the_device(
    demo: Distribution, client: Client, listed: list[str], is_offered: bool, is_flavour: bool
) -> None:
    unread = Target.objects.get(release__version=OLDER, name=TARGET)
    Target.objects.filter(pk=unread.pk).update(synced_at=None)
    unread.profiles.all().delete()
    ListedDevice.objects.all().delete()
    source = unread.release
    if is_flavour:
        base = Distribution.objects.create(name="base", url="https://downloads.example.org")
        channel = Channel.objects.create(distribution=base, name="1.0", path="releases/{version}")
        source = Release.objects.create(distribution=base, channel=channel, version="1.0.0")
        Release.objects.filter(pk=unread.release_id).update(built_on=source)
    for profile in listed:
        ListedDevice.objects.create(release=source, target=TARGET, profile=profile)
    # The same name on another target says nothing.
    ListedDevice.objects.create(release=Release.objects.get(version=NEWER), target="other/x", profile=DEVICE)
    generation.bump()

    text = get(client)

    assert (f'<option value="{OLDER}"' in text) is is_offered
    assert f'<option value="{NEWER}"' in text
    if not is_offered:
        assert "Not in this release" in get(client, status=404, version=OLDER)


ODD = ("\0", "x" * 5000, "%ed%a0%80", "\u202e", "-1", "[]", "' OR 1=1 --", "%", "1,2", "--")
FIELDS = (
    *("q", "version", "packages", "filesystem", "rootfs_size_mb", "network_profile"),
    *("add", "drop", "keep", "swap", "defaults"),
)


def test_odd_queries_give_a_page(demo: Distribution, client: Client) -> None:
    for name in FIELDS:
        for value in ODD:
            for page in (PAGE, f"{PAGE}packages", f"{PAGE}selection"):
                query = f"{name}[]={value}&{name}=1&{name}={value}"
                assert client.get(f"{page}?{query}").status_code in (200, 400, 404), (page, query)
            for fields in ({name: value}, {name: value, "build": "1"}):
                assert client.post(PAGE, fields).status_code in (200, 302, 400, 404, 422), fields


def test_network_profiles_of_others_are_no_more_than_names_that_nobody_has(demo: Distribution, client: Client) -> None:
    meadow = Organisation.objects.create(name="meadow", title="Meadow")
    NetworkProfile.objects.create(name="meadow/a", title="Veiled", is_general=True, organisation=meadow)
    NetworkProfile.objects.create(name="open/a", title="Open", is_general=True)

    text = get(client)

    assert '<option value="open/a">Open</option>' in text and "Veiled" not in text and "meadow" not in text
    mine, nobodys = (
        get(client, network_profile=name).replace(name, "N").replace(name.replace("/", "%2F"), "N")
        for name in ("meadow/a", "nobody/a")
    )
    csrf = r'name="csrfmiddlewaretoken" value="[^"]+"'
    assert re.sub(csrf, "", mine) == re.sub(csrf, "", nobodys)


def test_the_questions_to_the_database_are_few(
    demo: Distribution, client: Client, django_assert_max_num_queries: Any
) -> None:
    get(client)

    with django_assert_max_num_queries(16):
        get(client, packages="demo-editor dnsmasq-full -dnsmasq", q="demo")
    with django_assert_max_num_queries(8):
        get(client, f"{PAGE}packages", packages="demo-editor", q="demo")
