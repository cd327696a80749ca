"""What is private to an organisation does not exist for others: every address answers as for a name that nobody has.

Whoever adds an address adds it to `ADDRESSES` (what of it could name something private) or to `OPEN` (and why nothing
can): a test finds those that are in neither.
"""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from asu_site.front import Front, hot_answer
from builders.models import Build, Worker
from images import intake, services, watching
from images.models import ClientToken, Image, ImageRequest
from packages import catalogue, generation, network_profiles, visibility
from packages.exceptions import UnknownDistributionError
from packages.models import Distribution, NetworkProfile, Organisation
from stats import counting, metrics, status, status_page
from stats.models import Incident
from tests.classic_addresses import CLASSIC
from tests.factories import make_worker
from tests.images.factories import DEVICE, ask, make_target, wish
from tests.images.publications import SYSUPGRADE, publish
from tests.packages.devices import make_listing

# The layer in front of Django looks after connections, which a test within one transaction would lose.
pytestmark = pytest.mark.django_db(transaction=True)

SECRET, NOBODY = "secretnet", "nobodynet"  # equally long, so that answers are too
PROFILE, NO_PROFILE = "meadow/site", "nobody/site"
HIDDEN_TARGET, HIDDEN_DEVICE = "veiled/place", {**DEVICE, "name": "veiled_device", "supported_devices": []}
DOCUMENT = "releases/24.10.2/targets/veiled/place/profiles.json"

DEVICE_ROUTE = "devices/<str:distribution>/<str:target>/<str:subtarget>/<str:profile>"
HIDDEN_PAGE = "/devices/{name}/veiled/place/veiled_device"

# Route -> addresses below it. {name}: the private distribution; {hash}: of its image; {mine}: of an image with a
# private network profile on a public distribution; {early}: of a request that cannot be checked yet.
API = {
    "api/v1/build": ["POST /{name}/api/v1/build"],
    "api/v1/build/<str:request_hash>": ["/{name}/api/v1/build/{hash}", "/{name}/api/v1/build/{early}"],
    "api/v1/build/<str:request_hash>/cancel": ["POST /{name}/api/v1/build/{hash}/cancel"],
    "api/v1/build/<str:request_hash>/retry": ["POST /{name}/api/v1/build/{hash}/retry"],
    "api/v1/check": ["POST /{name}/api/v1/check"],
    "api/v1/overview": ["/{name}/api/v1/overview"],
    "api/overview": ["/{name}/api/overview"],
    "json/v1/overview.json": ["/{name}/json/v1/overview.json"],
    "json/v1/branches.json": ["/{name}/json/v1/branches.json"],
    "json/v1/latest.json": ["/{name}/json/v1/latest.json"],
    "api/v1/latest": ["/{name}/api/v1/latest"],
    "api/v1/revision/<str:version>/<str:target>/<str:subtarget>": ["/{name}/api/v1/revision/24.10.2/veiled/place"],
    "api/v1/network-profiles": ["/{name}/api/v1/network-profiles"],
    "json/v1/<path:path>": [
        "/{name}/json/v1/releases/24.10.2/targets/veiled/place/index.json",
        "/{name}/json/v1/releases/24.10.2/targets/veiled/place/veiled_device.json",
        "/{name}/json/v1/releases/24.10.2/packages/mips_24kc-index.json",
    ],
    "api/build": ["POST /{name}/api/build"],
    "api/build/<str:request_hash>": ["/{name}/api/build/{hash}"],
    "api/latest": ["/{name}/api/latest"],
    "overview": ["/{name}/overview"],
    "json/latest.json": ["/{name}/json/latest.json"],
    "json/branches.json": ["/{name}/json/branches.json"],
    "json/<path:path>": ["/{name}/json/releases/24.10.2/targets/veiled/place/index.json"],
}
ADDRESSES = {
    **{f"<slug:distribution>/{route}": places for route, places in API.items()},
    "api/v1/build": ["POST /api/v1/build distro={name}", "POST /api/v1/build network_profile={profile}"],
    "api/v1/build/<str:request_hash>": ["/api/v1/build/{hash}", "/api/v1/build/{mine}"],
    "statistics/<slug:slug>.csv": ["/statistics/builds.csv?distribution={name}"],
    "statistics/<slug:slug>.json": ["/statistics/packages.json?distribution={name}"],
    "incidents/<str:number>/": ["/incidents/{incident}/"],
    "api/v1/build/<str:request_hash>/cancel": ["POST /api/v1/build/{mine}/cancel"],
    "api/v1/build/<str:request_hash>/retry": ["POST /api/v1/build/{mine}/retry"],
    "api/v1/check": ["POST /api/v1/check distro={name}"],
    "api/build": ["POST /api/build distro={name}"],
    "api/build/<str:request_hash>": ["/api/build/{mine}"],
    f"{DEVICE_ROUTE}/": [
        "/devices/{name}/veiled/place/veiled_device/",
        "/devices/{name}/veiled/later/listed_device/",
    ],
    f"{DEVICE_ROUTE}/choose/": [f"{HIDDEN_PAGE}/choose/", f"POST {HIDDEN_PAGE}/choose/"],
    f"{DEVICE_ROUTE}/choose/packages": [f"{HIDDEN_PAGE}/choose/packages"],
    f"{DEVICE_ROUTE}/choose/selection": [f"{HIDDEN_PAGE}/choose/selection"],
    "images/<str:request_hash>/": ["/images/{hash}/", "/images/{mine}/", "/images/{early}/"],
    "images/<str:request_hash>/live": ["/images/{hash}/live", "/images/{mine}/live", "/images/{early}/live"],
    "images/<str:request_hash>/events": ["/images/{hash}/events", "/images/{mine}/events", "/images/{early}/events"],
    "images/<str:request_hash>/<str:act>": ["POST /images/{hash}/retry", "POST /images/{mine}/cancel"],
    "store/<str:request_hash>/<str:name>": [f"/store/{{hash}}/{SYSUPGRADE}", f"/store/{{mine}}/{SYSUPGRADE}"],
    "<slug:distribution>/store/<str:request_hash>/<str:name>": [
        f"/{{name}}/store/{{hash}}/{SYSUPGRADE}",
        f"/openwrt/store/{{mine}}/{SYSUPGRADE}",
    ],
    "news/<slug:distribution>.atom": ["/news/{name}.atom"],
    "news/<slug:distribution>/<str:target>/<str:subtarget>/<str:profile>.atom": [
        "/news/{name}/veiled/place/veiled_device.atom"
    ],
    r"^(?P<distribution>[a-z0-9][a-z0-9-]*)/(?P<path>(?:releases|snapshots)/.+|\.versions\.json)$": [
        f"/{{name}}/{DOCUMENT}",
        "/{name}/.versions.json",
    ],
}
# Everybody's, yet nothing private stands in them; and the addresses of the default distribution, which may be private.
LISTS = {
    "": "/",
    "devices/": "/devices/",
    "images/": "/images/",
    "compare/": "/compare/",
    "network-profiles/": "/network-profiles/",
    "updates/": "/updates/",
    "news/webhooks/": "/news/webhooks/",
    "api/v1/network-profiles": "/api/v1/network-profiles",
    "status.json": "/status.json",
    "status/": "/status/",
    "status/incidents.atom": "/status/incidents.atom",
    "about/": "/about/",
    "statistics/": "/statistics/",
    "metrics": "/metrics",
    "healthz": "/healthz",
    "readyz": "/readyz",
    "api/v1/schema": "/api/v1/schema",
    "docs/": "/docs/",
}
AT_THE_ROOT = {route: [place.replace("/{name}", "", 1) for place in places] for route, places in API.items()}
AT_THE_ROOT |= {r"^(?P<path>(?:releases|snapshots)/.+|\.versions\.json)$": [f"/{DOCUMENT}", "/.versions.json"]}
OPEN = {
    "favicon.ico": "a picture",
    "updates/build": "a form, see test_forms_know_of_it_as_little",
    "news/webhooks/<str:token>/": "a page at an address that nobody can guess, and its buttons",
    "admin/": "for maintainers, who sign in",
    "api/worker/v1/": "for approved workers, who build everything",
    "worker/asu-worker.pyz": "one file, the same for everybody",
    "<slug:distribution>/api/v1/schema": "the same whatever the name",
    "<slug:distribution>/docs/": "for strangers the same whatever the name: see tests/images/test_docs.py",
    "api/v1/signing-key": "the server's own",
    "<slug:distribution>/api/v1/signing-key": "the same whatever the name",
}


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern.url_patterns, route)


@pytest.mark.django_db(databases=[])
def test_of_each_address_it_is_known_what_could_be_private() -> None:
    classic = {f"{front}{route}" for route in CLASSIC for front in ("", "<slug:distribution>/")}
    known = {*ADDRESSES, *LISTS, *AT_THE_ROOT, *OPEN, *classic}
    found = set(routes(get_resolver().url_patterns))

    assert {route for route in found if route not in known and not route.startswith(tuple(OPEN))} == set()
    assert {route for route in known if not any(each.startswith(route) for each in found)} == set()


@dataclass(frozen=True)
class World:
    """A private distribution, a private network profile on a public one, and images of both."""

    site: Front
    right: str
    other: str
    disabled: str
    hash: str
    mine: str
    early: str
    incident: str  # of the private distribution

    @property
    def strangers(self) -> dict[str, str]:
        return {"no token": "", "another organisation's": self.other, "a disabled one": self.disabled}

    def fill(self, place: str) -> str:
        values = {"{name}": SECRET, "{hash}": self.hash, "{mine}": self.mine, "{early}": self.early}
        values |= {"{profile}": PROFILE, "{incident}": self.incident}
        for word, value in values.items():
            place = place.replace(word, value)
        return place

    def twin(self, place: str) -> str:
        """The same address with names and hashes that nobody has."""
        values = {"{name}": NOBODY, "{profile}": NO_PROFILE, **dict.fromkeys(("{hash}", "{mine}", "{early}"), "0" * 64)}
        values["{incident}"] = "999999"
        for word, value in values.items():
            place = place.replace(word, value)
        return place

    @property
    def secrets(self) -> list[str]:
        return [SECRET, "Secret Net", PROFILE, "Meadow", "veiled", self.hash, self.mine, self.early]


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    text: str


def token(name: str, organisation: str, **changes: Any) -> str:
    out = io.StringIO()
    call_command("client_token", name, organisation=organisation, stdout=out)
    ClientToken.objects.filter(name=name).update(**changes)
    return out.getvalue().strip()


def call(site: Any, place: str, secret: str = "", **environ: Any) -> Said:
    """`POST /path [how]` or `/path`, through the layer in front of Django, as the web server calls it."""
    method, path, how = ([*place.split(), ""] if place.startswith("POST ") else ["GET", place, ""])[:3]
    path, _, query = path.partition("?")
    body = b""
    if method == "POST" and (path.endswith(("/build", "/check")) or "wish" in environ):
        body = json.dumps(environ.pop("wish", wish_at(how))).encode()
    said: list[Any] = []
    values = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "198.51.100.7",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        **({"HTTP_AUTHORIZATION": f"Bearer {secret}"} if secret else {}),
        # The buttons of a page send what it gave them.
        **(
            {"HTTP_COOKIE": f"csrftoken={'a' * 32}", "HTTP_X_CSRFTOKEN": "a" * 32}
            if path.startswith(("/images/", "/devices/"))
            else {}
        ),
        **environ,
    }
    answer = site(values, lambda *words: said.append(words))
    data = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return Said(int(said[-1][0].split()[0]), dict(said[-1][1]), data.decode("utf-8", "replace"))


def wish_at(how: str) -> dict[str, Any]:
    """For the private distribution, unless it names a network profile."""
    name, _, value = how.partition("=")
    where = {} if name == "network_profile" else {"target": HIDDEN_TARGET, "profile": "veiled_device"}
    return wish(**where, **{name: value} if name else {})


@pytest.fixture
def world(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    settings.ASU_PREPARE_WAIT = 0
    monkeypatch.setattr(watching, "STREAM_SECONDS", 0.1)  # of what is being made: else as long as it lasts
    mirror = tmp_path / "mirror"
    (mirror / DOCUMENT).parent.mkdir(parents=True)
    (mirror / DOCUMENT).write_text('{"veiled": 1}')
    (mirror / ".versions.json").write_text('{"veiled": 1}')
    meadow = Organisation.objects.create(name="meadow", title="Meadow Net")
    Organisation.objects.create(name="hill")
    right, other = token("Meadow", "meadow"), token("Hill", "hill")
    disabled = token("Meadow, before", "meadow", is_enabled=False)
    Distribution.objects.create(
        name=SECRET, title="Secret Net", url=mirror.as_uri(), is_hosted=True, organisation=meadow
    )
    make_target()
    make_target(HIDDEN_TARGET, distribution=SECRET, profiles=(HIDDEN_DEVICE,))
    make_target("veiled/later", distribution=SECRET, is_complete=False)
    make_target("hill/later", is_complete=False)
    make_listing("listed_device", target="veiled/later", distribution=SECRET)
    private = NetworkProfile.objects.create(name=PROFILE, is_general=True, organisation=meadow)
    private.files.create(path="etc/config/veiled", content=b"x")
    everybodys = NetworkProfile.objects.create(name="veiled/for-secretnet", is_public=True)
    everybodys.distributions.add(Distribution.objects.get(name=SECRET))
    shared = NetworkProfile.objects.create(name="x", is_public=True)
    shared.distributions.set(Distribution.objects.filter(name__in=[SECRET, "openwrt"]))
    generation.bump()
    member = Client(HTTP_AUTHORIZATION=f"Bearer {right}")
    hidden = {"target": HIDDEN_TARGET, "profile": "veiled_device"}
    image = _built(ask(member, f"/{SECRET}/api/v1/build", **hidden))
    mine = _built(ask(member, network_profile=PROFILE))
    early = ask(member, f"/{SECRET}/api/v1/build", target="veiled/later", profile="veiled_device")
    for kept in (status.kept, status_page.kept):
        kept.forget()
    secret = Distribution.objects.get(name=SECRET)
    incident = Incident.objects.create(title="The mirror is veiled", severity="outage", distribution=secret)
    site = Front(WSGIHandler(), hot_answer())
    yield World(site, right, other, disabled, image, mine, early.json()["request_hash"], str(incident.pk))
    intake.close()


def _built(answer: Any) -> str:
    assert answer.status_code == 202, answer.content
    publish(ImageRequest.objects.get(request_hash=answer.json()["request_hash"]))
    return str(answer.json()["request_hash"])


def everything() -> list[str]:
    return [place for places in ADDRESSES.values() for place in places]


@pytest.mark.parametrize("who", ["no token", "another organisation's", "a disabled one"])
def test_for_strangers_it_is_as_if_nobody_had_the_name(world: World, who: str) -> None:
    for place in everything():
        for _ in range(2):  # after a member had it, too: what is kept in memory is for everybody
            call(world.site, world.fill(place), world.right)
        found, nothing = (call(world.site, each, world.strangers[who]) for each in _both(world, place))

        assert found.status in (400, 404), place
        assert (found.status, _plain(world, found)) == (nothing.status, _plain(world, nothing)), place
        assert not [word for word in ("Secret Net", "Meadow", "veiled_device.json") if word in found.text], place


def _both(world: World, place: str) -> tuple[str, str]:
    return world.fill(place), world.twin(place)


def _plain(world: World, said: Said) -> tuple[str, dict[str, str]]:
    """What an answer says, but for the name that was asked for."""
    text = said.text
    hashes = dict.fromkeys((world.hash, world.mine, world.early), "0" * 64)
    for word, instead in {SECRET: NOBODY, PROFILE: NO_PROFILE, **hashes}.items():
        text = text.replace(word, instead)
    return text, said.headers


@pytest.mark.parametrize("who", ["no token", "another organisation's", "a disabled one"])
def test_no_list_page_or_document_tells_strangers_of_it(world: World, settings: Settings, who: str) -> None:
    make_worker("wide", labels=[f"distribution:{SECRET}", "distribution:openwrt"])
    make_worker("narrow", labels=[f"distribution:{SECRET}"])
    ask(Client(HTTP_AUTHORIZATION=f"Bearer {world.right}"), f"/{SECRET}/api/v1/build", **_hidden(packages=["vim"]))
    assert Build.objects.filter(distribution=SECRET, state="queued").exists()
    for organisation in (0, Organisation.objects.get(name="meadow").pk):
        counting.add(counting.BUILDS, SECRET, organisation)
    settings.ASU_METRICS_TOKEN = "of-the-metrics"

    sides = f"a={world.mine}&b={SECRET}+24.10.2", f"a={world.hash}&b={world.early}"
    searches = "/images/?q=veiled", "/devices/?q=veiled", "/devices/?q=device&part=list"
    for place in [*LISTS.values(), *searches, *(f"/compare/?{query}" for query in sides)]:
        path, _, query = place.partition("?")
        secret = "of-the-metrics" if path == "/metrics" else world.strangers[who]
        call(world.site, path, world.right, QUERY_STRING=query)
        said = call(world.site, path, secret, QUERY_STRING=query)

        assert said.status in (200, 503), place
        told = said.text
        said_back = (f'value="{word.replace("+", " ")}"' for word in re.split("[=&]", query))
        for innocent in (
            "Nothing matches “veiled”",
            "No device is called “veiled”",
            "Devices: veiled",
            'value="veiled"',
            'href="?q=veiled',
            *said_back,
        ):
            told = told.replace(innocent, "")
        assert [word for word in world.secrets if word in told] == [], place
    assert "narrow" not in call(world.site, "/status.json").text
    assert '"labels": ["distribution:openwrt"]' in call(world.site, "/status.json").text


def _hidden(**changes: Any) -> dict[str, Any]:
    return {"target": HIDDEN_TARGET, "profile": "veiled_device", **changes}


def test_metrics_tell_of_private_distributions_together(world: World) -> None:
    for name in (SECRET, "openwrt", SECRET):
        counting.add(counting.BUILDS, name)

    [images] = [family for family in metrics.families() if family.name == "asu_images_total"]

    counts = {labels["distribution"]: count for labels, count in images.samples}
    assert set(counts) == {"(private)", "openwrt"} and counts["(private)"] >= 2
    names = {labels.get("distribution", "") for family in metrics.families() for labels, _ in family.samples}
    assert SECRET not in names


def test_members_have_it_all(world: World) -> None:
    for place in everything():
        said = call(world.site, world.fill(place), world.right)

        right = {200, 202, 302} | ({403, 409} if "cancel" in place else set())
        assert said.status in right, (place, said)


def test_what_members_get_is_for_no_cache_of_others(world: World) -> None:
    for place in everything():
        said = call(world.site, world.fill(place), world.right)

        assert "authorization" in said.headers["Vary"].lower(), place
        assert "public" not in said.headers.get("Cache-Control", ""), place
        stranger = call(world.site, world.fill(place))
        assert "authorization" in stranger.headers["Vary"].lower(), place


def test_nginx_is_not_told_to_send_a_private_file_to_strangers(world: World, settings: Settings) -> None:
    settings.ASU_X_ACCEL_PREFIX = "/protected-store"
    place = f"/store/{world.hash}/{SYSUPGRADE}"

    assert call(world.site, place, world.right).headers["X-Accel-Redirect"] == f"/protected-store{place[6:]}"
    for secret in world.strangers.values():
        said = call(world.site, place, secret)
        assert said.status == 404 and "X-Accel-Redirect" not in said.headers


def test_who_had_it_once_is_not_told_that_it_is_unchanged(world: World) -> None:
    for place in (f"/store/{world.hash}/{SYSUPGRADE}", f"/{SECRET}/{DOCUMENT}"):
        etag = call(world.site, place, world.right).headers["ETag"]

        assert call(world.site, place, world.right, HTTP_IF_NONE_MATCH=etag).status == 304
        assert call(world.site, place, HTTP_IF_NONE_MATCH=etag).status == 404
        assert call(world.site, place, HTTP_RANGE="bytes=0-0").status == 404


def test_the_default_distribution_may_be_private_too(world: World, settings: Settings) -> None:
    settings.ASU_DEFAULT_DISTRIBUTION = SECRET
    for route, places in AT_THE_ROOT.items():
        for place in places:
            if "POST" in place:
                continue  # below
            call(world.site, world.fill(place), world.right)
            said = call(world.site, world.fill(place))

            assert said.status == 404, (route, place, said)
    body = _hidden(version="24.10.2", packages=[])
    assert call(world.site, "POST /api/v1/build", world.right, wish=body).status == 202
    refused = call(world.site, "POST /api/v1/build", wish=body)
    assert refused.status == 400 and "This server does not offer it" in refused.text


@pytest.mark.parametrize("place", ["/updates/", "/updates/build", "/news/webhooks/"])
@pytest.mark.parametrize("who", ["no token", "another organisation's", "a disabled one"])
def test_forms_know_of_it_as_little(world: World, place: str, who: str) -> None:
    where = {"version": "24.10.2", "target": HIDDEN_TARGET, "profile": "veiled_device", "url": "https://example.org/"}
    secret = world.strangers[who]
    stranger = Client(HTTP_AUTHORIZATION=f"Bearer {secret}") if secret else Client()
    member = Client(HTTP_AUTHORIZATION=f"Bearer {world.right}")

    found, nothing = (
        stranger.post(place, {**where, "distro": name, "distribution": name}) for name in (SECRET, NOBODY)
    )
    told = member.post(place, {**where, "distro": SECRET, "distribution": SECRET})

    assert (found.status_code, nothing.status_code) == (400, 400)
    assert _without_tokens(found).replace(SECRET, NOBODY) == _without_tokens(nothing)
    assert "Secret Net" not in found.content.decode()
    assert told.status_code in (200, 302), told.content


def _without_tokens(answer: Any) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())


def test_with_its_distribution_made_private_an_old_image_is_hidden(world: World) -> None:
    image = _built(ask(Client(), packages=["tcpdump"]))
    place = f"/openwrt/api/v1/build/{image}"
    assert [call(world.site, place).status for _ in range(2)] == [200, 200]

    Distribution.objects.filter(name="openwrt").update(organisation=Organisation.objects.get(name="meadow"))
    generation.bump()

    assert call(world.site, place).status == 404
    assert call(world.site, f"/store/{image}/{SYSUPGRADE}").status == 404
    assert call(world.site, place, world.right).status == 200


def test_with_its_distribution_gone_or_public_a_private_image_stays_private(world: World) -> None:
    Distribution.objects.filter(name=SECRET).update(organisation=None)
    generation.bump()

    assert call(world.site, f"/{SECRET}/api/v1/build/{world.hash}").status == 404
    assert call(world.site, f"/{SECRET}/api/v1/build/{world.hash}", world.right).status == 200


def test_who_wants_what_members_had_before_it_became_public_gets_an_image_of_its_own(world: World) -> None:
    Distribution.objects.filter(name=SECRET).update(organisation=None)
    generation.bump()

    answer = ask(Client(), f"/{SECRET}/api/v1/build", **_hidden())

    assert answer.status_code == 202 and answer.json()["request_hash"] != world.hash
    assert call(world.site, f"/{SECRET}/api/v1/build/{answer.json()['request_hash']}").status == 202


def test_a_wish_that_waits_to_be_checked_is_as_private_as_its_network_profile(world: World) -> None:
    member = Client(HTTP_AUTHORIZATION=f"Bearer {world.right}")
    early = ask(member, target="hill/later", network_profile=PROFILE).json()["request_hash"]
    refused = ask(Client(), target="hill/later", network_profile=PROFILE)

    assert refused.status_code == 400 and refused.json()["detail"].startswith("network_profile: ")
    for place in (f"/api/v1/build/{early}", f"/images/{early}/"):
        assert [call(world.site, place, who).status for who in ("", world.other, world.right)] == [
            404,
            404,
            *_ok(place),
        ]


def _ok(place: str) -> list[int]:
    return [202] if "api" in place else [200]


def test_the_same_wish_of_members_and_of_others_is_two_images(world: World) -> None:
    profile = NetworkProfile.objects.create(name="everybody/site", is_general=True)
    profile.files.create(path="etc/config/veiled", content=b"x")
    member, stranger = Client(HTTP_AUTHORIZATION=f"Bearer {world.right}"), Client()

    private = ask(member, network_profile=PROFILE).json()["request_hash"]
    public = ask(stranger, network_profile="everybody/site").json()["request_hash"]

    assert private == world.mine != public
    assert ask(member, network_profile="everybody/site").json()["request_hash"] == public
    assert not ImageRequest.objects.get(request_hash=public).is_private


def test_what_a_member_builds_of_public_things_is_everybodys(world: World) -> None:
    answer = ask(Client(HTTP_AUTHORIZATION=f"Bearer {world.right}"), packages=["tcpdump"]).json()

    assert call(world.site, f"/api/v1/build/{answer['request_hash']}").status == 202


def test_an_organisation_with_private_things_cannot_be_deleted(world: World, admin_client: Client) -> None:
    meadow = Organisation.objects.get(name="meadow")

    answer = admin_client.post(f"/admin/packages/organisation/{meadow.pk}/delete/", {"post": "yes"})

    assert Organisation.objects.filter(name="meadow").exists() and answer.status_code == 200


def test_maintainers_who_are_signed_in_see_the_pages(world: World, admin_client: Client, client: Client) -> None:
    for place in (f"/images/{world.hash}/", f"/store/{world.mine}/{SYSUPGRADE}"):
        assert admin_client.get(place).status_code == 200
        assert client.get(place).status_code == 404
    assert "Secret Net 24.10.2" in admin_client.get("/images/").content.decode()


def test_workers_build_what_is_private(world: World) -> None:
    assert Image.objects.filter(request__organisation__name="meadow").count() == 2
    assert Worker.objects.exists()


def test_the_door_is_shut_for_who_forgets_to_say_who_looks(world: World) -> None:
    with pytest.raises(UnknownDistributionError):
        catalogue.find(SECRET, "24.10.2", HIDDEN_TARGET)
    assert services.lookup(SECRET, world.hash) is None
    assert services.known(SECRET, world.hash) is None
    assert PROFILE not in [offer.name for offer in network_profiles.offered()]
    assert not Distribution.objects.visible_to().filter(name=SECRET).exists()
    assert not ImageRequest.objects.visible_to().filter(request_hash=world.mine).exists()
    assert visibility.hidden_names(visibility.PUBLIC) == [SECRET]


def test_a_private_name_costs_as_many_looks_as_one_that_nobody_has(world: World) -> None:
    for place in everything():
        counts = []
        for each in _both(world, place):
            call(world.site, each)  # what is remembered in between is the same for both
            with CaptureQueriesContext(connection) as queries:
                call(world.site, each)
            counts.append(len(queries))
        # A hash that is there costs a row more to read, but hashes cannot be guessed.
        if "hash}" not in place and "{mine}" not in place and "{early}" not in place:
            assert counts[0] == counts[1], place


# -- what is made of other things ----------------------------------------------------------------------------


@pytest.fixture
def flavour(world: World) -> Distribution:
    """A private one on the public distribution."""
    meadow = Organisation.objects.get(name="meadow")
    base = Distribution.objects.get(name="openwrt")
    row = Distribution.objects.create(name="veiled-flavour", url="", built_on=base, organisation=meadow)
    generation.bump()
    return row


@pytest.mark.parametrize(
    "path", [".versions.json", "api/v1/overview", "json/v1/latest.json", "api/v1/network-profiles"]
)
def test_a_private_flavour_of_a_public_distribution_is_its_members_alone(
    world: World, flavour: Distribution, path: str
) -> None:
    assert call(world.site, f"/veiled-flavour/{path}", world.right).status == 200
    for secret in world.strangers.values():
        said, nothing = (call(world.site, f"/{name}/{path}", secret) for name in ("veiled-flavour", "nobodys-flavour"))
        assert said.status == nothing.status == 404
        assert (said.text, said.headers) == (nothing.text, nothing.headers)


def test_what_a_public_flavour_is_made_of_does_not_become_private_without_it(
    world: World, flavour: Distribution
) -> None:
    meadow = Organisation.objects.get(name="meadow")
    base = Distribution.objects.get(name="openwrt")
    profile = NetworkProfile.objects.create(name="always/there", is_general=True)
    Distribution.objects.filter(pk=flavour.pk).update(organisation=None, network_profile=profile)

    for row in (base, profile):
        row.organisation = meadow
        with pytest.raises(ValidationError, match="'veiled-flavour', which is not of Meadow Net"):
            row.clean()

    Distribution.objects.filter(pk=flavour.pk).update(organisation=meadow)
    for row in (base, profile):
        row.clean()


def test_the_address_of_a_private_mirror_is_one_like_any_other(world: World) -> None:
    Distribution.objects.filter(name=SECRET).update(url="https://mirror.example.org/veiled", is_hosted=False)
    generation.bump()
    answers = [
        ask(Client(), target="hill/later", repositories={"extra": f"https://mirror.example.org/{path}/packages"})
        for path in ("veiled", "nobody")
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json()["detail"].replace("veiled", "nobody") == answers[1].json()["detail"]
