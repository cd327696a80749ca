"""Everything that people read on pages can be translated.

The pages are rendered in a language in which each message stands in brackets. What stands outside of them did not go
through gettext: either it is data, such as names, versions and commands, or somebody forgot it.
"""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.test import Client
from django.utils.translation import trans_real

from builders.models import Build
from builders.states import Phase, Reason, State
from images.models import Image
from packages.models import Distribution, NetworkProfile
from stats.models import Incident
from tests.factories import make_spec
from tests.images.factories import DEVICE, make_target
from tests.images.publications import make_image, make_request
from tests.packages.devices import make_listing

OPEN, CLOSE = "⟦", "⟧"
NOW = "2026-01-02T03:04:05Z"
RELEASE = {"distribution": "OpenWrt", "version": "24.10.2", "revision": "r1-a", "target": "ath79/generic"}

# A line a page: its address, and the status that it answers with.
PAGES = {
    "/": 200,
    "/devices/": 200,
    "/devices/?q=archer": 200,
    "/devices/?q=archre": 200,
    "/devices/?q=nothing+like+it": 200,
    "/devices/?part=short": 200,
    "/devices/openwrt/ath79/generic/tplink_archer-c7-v2/": 200,
    "/devices/openwrt/ramips/mt7621/zyxel_nr7101/": 200,
    "/devices/openwrt/ath79/generic/no_such-device/": 404,
    "/devices/openwrt/ath79/generic/tplink_archer-c7-v2/choose/": 200,
    "/devices/openwrt/ath79/generic/tplink_archer-c7-v2/choose/?packages=vim+-ppp+nobody+%3F&rootfs_size_mb=x": 200,
    "/devices/openwrt/ath79/generic/tplink_archer-c7-v2/choose/?version=1.2.3": 404,
    "/network-profiles/": 200,
    "/images/": 200,
    "/images/?q=archer&state=failed": 200,
    "/images/none/": 404,
    "/updates/": 200,
    "/compare/": 200,
    "/compare/?a=24.10.2&b=nonsense+of+mine": 200,
    "/statistics/": 200,
    "/statistics/?days=365&distribution=openwrt": 200,
    "/status/": 200,
    "/about/": 200,
    "/docs/": 200,
    "/openwrt/docs/": 200,
    "/news/webhooks/": 200,
}
# The page of an image in each of its states: of its build, and what became of that.
IMAGES: dict[str, tuple[State, dict[str, Any]]] = {
    "ready": (State.DONE, {}),
    "expired": (State.EXPIRED, {"expired_at": NOW}),
    "withdrawn": (State.DONE, {"withdrawn_at": NOW, "withdrawn_why": "A test."}),
    "queued": (State.QUEUED, {}),
    "building": (State.BUILDING, {"phase": Phase.BUILDING_IMAGE, "started_at": NOW}),
    "failed": (State.FAILED, {"reason": Reason.IMAGE_TOO_BIG, "sentence": "A test.", "finished_at": NOW}),
    "parked": (State.PARKED, {"reason": Reason.INFRASTRUCTURE, "sentence": "A test.", "finished_at": NOW}),
    "cancelled": (State.FAILED, {"reason": Reason.CANCELLED, "sentence": "A test.", "finished_at": NOW}),
}
# Templates that no request here leads to.
TEMPLATES = ("400.html", "403.html", "403_csrf.html", "404.html", "500.html")

# What is data, or the same in every language. Full matches; what stands in <code>, <pre> and the like is data anyway.
DATA = (
    r"[\d.,:/ +·()%→\u2013-]*",
    r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?( UTC)?)?",
    r"((tiny|Demo Tiny), |→ )*(openwrt|demo|Meadow)( [\d.]+| SNAPSHOT)?[,:]?",  # distributions, releases, communities
    r"\d\d\.\d\d\.\d+(-rc\d)?|SNAPSHOT",
    r"TP-Link Archer C7 v2|Second name|ZyXEL NR7101|A test\.",
    r"tplink_archer-c7-v2|archer|archre|nothing like it|no such-device",  # what was searched for
    r"squashfs|((sysupgrade|factory)( · squashfs)?)|demo-1\.0\.0-\S+\.bin",
    r"Linux [\d.]+|API|JSON|YAML|SHA-256|ImageBuilder|status\.json|core|;",
    r"uci \S.*",
    r"[a-z0-9_]+/[a-z0-9_]+|https://hooks\.example\.org/router",  # examples
    r"(luci|vim|ppp|nobody|base-files|dnsmasq-full|dropbear|firewall4|kmod-ath10k-ct|luci-base|1)",  # packages
    r"[\d.]+(~[0-9a-f]+|-r\d+)|worker-\d+|[\d.]+ s",
    r"(Demo Tiny, demo 1\.0\.0( → )?)+|tiny|Demo Tiny|[0-9a-f]{12,64}…?|http://testserver/\S*",
)
_WORDS = ("title", "aria-label", "placeholder", "alt", "data-done", "data-status", "content")
_DATA_TAGS = ("script", "style", "code", "pre", "option", "textarea", "svg")


class Brackets(trans_real.DjangoTranslation):
    """A language that says everything in English, in brackets."""

    def gettext(self, message: str) -> str:
        return f"{OPEN}{message}{CLOSE}" if message and not _is_a_format(message) else message

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.gettext(one if number == 1 else many)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)

    def npgettext(self, context: str, one: str, many: str, number: int) -> str:
        return self.ngettext(one, many, number)


def _is_a_format(message: str) -> bool:
    """Django translates how dates and numbers are written too; those are no words."""
    return re.fullmatch(r"[A-Z]+_[A-Z_]+|.", message) is not None


class Reader(HTMLParser):
    """All that is read out of a page, or by hovering, but for data."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within = ""  # the element of data that this is in, and how often in itself
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        # What is said to be English is: sentences of the API, stored ones.
        is_english = known.get("lang") == "en" and tag != "html"
        if self._depth == 0 and (is_english or tag in _DATA_TAGS or "mono" in (known.get("class") or "").split()):
            self._within = tag
        self._depth += tag == self._within
        is_for_people = tag != "meta" or known.get("name") == "description"
        self.texts += [known[name] or "" for name in _WORDS if name in known and is_for_people]

    def handle_endtag(self, tag: str) -> None:
        if self._depth and tag == self._within:
            self._depth -= 1
            self._within = self._within if self._depth else ""

    def handle_data(self, data: str) -> None:
        if self._depth == 0:
            self.texts.append(data)


def untranslated(page: str) -> list[str]:
    """What of a page neither came through gettext nor is data."""
    reader = Reader()
    reader.feed(page)
    whole = "\n".join(reader.texts)
    # Markup within a message divides it, so brackets are followed over the whole page; they may be nested.
    outside, depth = "", 0
    for char in whole:
        depth += (char == OPEN) - (char == CLOSE)
        if depth == 0:
            outside += char if char != CLOSE else "\n"
    lines = (line.strip(" ·") for line in outside.splitlines())
    return [line for line in lines if line and not any(re.fullmatch(pattern, line) for pattern in DATA)]


@pytest.fixture
def brackets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everybody reads that language."""
    language = Brackets("en")
    monkeypatch.setattr(trans_real, "translation", lambda code: language)
    monkeypatch.setattr(trans_real, "_default", language)
    trans_real.deactivate()
    yield
    trans_real.deactivate()


@pytest.fixture
def shown(db: None) -> None:
    """Something on each page."""
    titles = [*DEVICE["titles"], {"title": "Second name"}]
    make_target(profiles=({**DEVICE, "titles": titles},))
    make_target(version="25.12.0-rc1", profiles=(DEVICE,))
    make_target(version="SNAPSHOT", profiles=(DEVICE,))
    make_listing("zyxel_nr7101", target="ramips/mt7621")
    make_image()
    place = {"distribution": "openwrt", "version": "24.10.2", "target": "ath79/generic"}
    make_request(make_spec(**place, profile="tplink_archer-c7-v2"))
    Distribution.objects.filter(name="openwrt").update(stable_version="24.10.2", stale_since="2026-01-02T03:04:05Z")
    profile = NetworkProfile.objects.create(
        name="meadow", title="Meadow", description="A test.", is_general=True, is_public=True, packages="vim"
    )
    profile.files.create(path="etc/config/x", content=b"x" * 5000)


@pytest.mark.usefixtures("brackets", "shown")
@pytest.mark.parametrize("address", PAGES)
def test_every_word_on_a_page_can_be_translated(client: Client, address: str) -> None:
    answer = client.get(address)

    text = answer.content.decode()
    assert answer.status_code == PAGES[address]
    assert OPEN in text
    assert untranslated(text) == []


@pytest.mark.usefixtures("brackets", "db")
@pytest.mark.parametrize("name", IMAGES)
def test_every_word_of_an_image_can_be_translated(client: Client, name: str) -> None:
    state, fields = IMAGES[name]
    image = make_image() if state in (State.DONE, State.EXPIRED) else None
    request = image.request if image is not None else make_request()
    Build.objects.filter(request=request).update(state=state, **({} if image else fields))
    if image is not None:
        type(image).objects.filter(pk=image.pk).update(**fields)

    text = client.get(f"/images/{request.request_hash}/").content.decode()

    assert OPEN in text
    assert untranslated(text) == []


@pytest.mark.usefixtures("brackets", "shown")
def test_every_word_of_a_comparison_can_be_translated(client: Client) -> None:
    image = Image.objects.get()

    text = client.get("/compare/", {"a": image.request.request_hash, "b": image.request.request_hash}).content.decode()

    assert untranslated(text) == []


@pytest.mark.usefixtures("brackets", "shown")
def test_every_word_of_a_verdict_can_be_translated(client: Client) -> None:
    board = {"board_name": "tplink,archer-c7-v2", "model": "TP-Link Archer C7 v2", "release": RELEASE}

    text = client.post("/updates/", {"text": json.dumps(board) + "\nvim - 1\nnobody - 1\n"}).content.decode()

    assert untranslated(text) == []


@pytest.mark.usefixtures("brackets", "db")
def test_every_word_of_an_incident_can_be_translated(client: Client) -> None:
    incident = Incident.objects.create(title="A test.", text="A test.")
    incident.updates.create(text="A test.")

    for address in (f"/incidents/{incident.pk}/", "/status/"):
        text = client.get(address).content.decode()
        assert untranslated(text) == []


@pytest.mark.usefixtures("brackets", "db")
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_word_of_an_error_can_be_translated(name: str, rf: Any) -> None:
    from django.template.loader import render_to_string

    assert untranslated(render_to_string(name, request=rf.get("/"))) == []


def test_the_test_sees_what_was_forgotten() -> None:
    page = f'<p>{OPEN}known{CLOSE} Forgotten <b aria-label="Unsaid too">24.10.2</b></p><script>x = 1</script>'

    assert untranslated(page) == ["Forgotten", "Unsaid too"]


def test_messages_can_be_gathered_for_a_new_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    for folder in ("templates", "images", "builders"):
        for path in (settings.BASE_DIR / folder).rglob("*"):
            if path.suffix in (".html", ".py") and path.is_file():
                copy = project / path.relative_to(settings.BASE_DIR)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(path.read_text())
    (project / "locale").mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setattr(settings, "LOCALE_PATHS", [project / "locale"])

    call_command("makemessages", locale=["de"], verbosity=0)

    text = (project / "locale/de/LC_MESSAGES/django.po").read_text()
    assert 'msgid "Find your device"' in text
    assert all(f'msgid "{reason.label}"' in text for reason in Reason)
    assert 'msgid_plural "%(total)s devices"' in text


# The backoffice: of the catalogue and of people. The names of models and of their fields are not messages yet.
BACKOFFICE = (
    "/admin/packages/distribution/add/",
    "/admin/packages/distribution/{distribution}/check/",
    "/admin/packages/packagechange/suggestions/",
    "/admin/packages/syncrun/{run}/change/",
    "/admin/auth/user/add/",
)


def main_part(answer: Any) -> str:
    """Without the frame, whose menu has names of models."""
    text: str = answer.content.decode()
    return text[text.index('<div id="content"') : text.index("<footer")]


@pytest.mark.usefixtures("brackets", "shown")
@pytest.mark.parametrize("address", BACKOFFICE)
def test_every_word_of_the_backoffice_of_the_catalogue_can_be_translated(admin_client: Client, address: str) -> None:
    row = Distribution.objects.get(name="openwrt")
    run = row.sync_runs.create(state="failed", errors=["A test."], message="A test.")

    main = main_part(admin_client.get(address.format(distribution=row.pk, run=run.pk)))

    assert OPEN in main
    assert untranslated(main) == []


@pytest.mark.usefixtures("brackets", "shown")
@pytest.mark.parametrize("order", ["disable", "stable", "hide"])
def test_every_word_of_a_decision_can_be_translated(admin_client: Client, order: str) -> None:
    release = Distribution.objects.get(name="openwrt").releases.all()[0]
    Distribution.objects.update(stable_version="", mirror_stable="")

    answer = admin_client.post(f"/admin/packages/release/{release.pk}/press/", {"order": order})
    said = [str(message) for message in get_messages(answer.wsgi_request)]

    shown = said or [main_part(answer)]
    assert all(OPEN in text for text in shown)
    assert [line for text in shown for line in untranslated(text)] == []
