"""What is private to an organisation does not exist for others at the classic addresses either."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from builders import queue
from builders.spec import BuildFailedError
from builders.states import Reason
from images.models import Image, ImageFile
from tests.classic_addresses import CLASSIC, LISTS
from tests.factories import make_worker
from tests.images.factories import ask
from tests.test_privacy import HIDDEN_TARGET, NOBODY, SECRET, World, call
from tests.test_privacy import world as world

pytestmark = pytest.mark.django_db(transaction=True)

WHO = pytest.mark.parametrize("who", ["no token", "another organisation's", "a disabled one"])


@dataclass(frozen=True)
class Classic:
    world: World
    failed: str
    manifest: str

    def say(self, place: str, secret: str, *, name: str, is_twin: bool = False) -> Any:
        """Calls a place; a twin has the hashes that nobody has."""
        hashes = {"{hash}": self.world.hash, "{mine}": self.world.mine, "{early}": self.world.early}
        hashes |= {"{failed}": self.failed, "{manifest}": self.manifest}
        where = f"distro={name}&version=24.10.2&target={HIDDEN_TARGET}&profile=veiled_device"
        for word, value in {"{place}": where, "{name}": name, **hashes}.items():
            place = place.replace(word, "0" * 64 if is_twin and word in hashes else value)
        path, _, query = place.partition("?")
        wish = {"distro": name, "version": "24.10.2", "target": HIDDEN_TARGET, "board": "veiled_device", "packages": []}
        target, _, subtarget = HIDDEN_TARGET.partition("/")
        wish |= {"target": target, "subtarget": subtarget}
        return call(self.world.site, path, secret, QUERY_STRING=query, **({"wish": wish} if "POST" in path else {}))


@pytest.fixture
def classic(world: World) -> Iterator[Classic]:
    """The world of tests/test_privacy.py, a private build that failed, and a manifest of its own."""
    member = Client(HTTP_AUTHORIZATION=f"Bearer {world.right}")
    wish = {"target": HIDDEN_TARGET, "profile": "veiled_device", "packages": ["vim"]}
    failed = ask(member, f"/{SECRET}/api/v1/build", **wish).json()["request_hash"]
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    queue.fail(lease, worker, BuildFailedError(Reason.CRASH, "veiled"), is_final=True)
    Image.objects.filter(request__request_hash__in=[world.hash, world.mine]).update(manifest_hash="ab" * 32)
    yield Classic(world, failed, "ab" * 32)


def everything() -> list[str]:
    places = [place for places in CLASSIC.values() for place in places]
    below = [f"{method}/{{name}}/{path}" for method, _, path in (place.partition("/") for place in places)]
    return places + below


@WHO
def test_for_strangers_it_is_as_if_nobody_had_the_name(classic: Classic, who: str) -> None:
    secret = classic.world.strangers[who]
    before = set(ImageFile.objects.filter(downloads__gt=0))

    for place in everything():
        found = classic.say(place, secret, name=SECRET)
        nothing = classic.say(place, secret, name=NOBODY, is_twin=True)

        assert found.status in (400, 404, 412), (place, found)
        assert found.status == nothing.status, place
        assert found.text.replace(SECRET, NOBODY) == nothing.text, place
        assert "authorization" in found.headers["Vary"].lower(), place
    assert set(ImageFile.objects.filter(downloads__gt=0)) == before


def test_members_have_it_all(classic: Classic) -> None:
    for place in everything():
        if place.startswith("/{name}") and "{mine}" in place:
            continue  # of another distribution

        said = classic.say(place, classic.world.right, name=SECRET)

        assert said.status in (200, 201, 202, 204, 302), (place, said)
        assert "authorization" in said.headers["Vary"].lower(), place
        assert "public" not in said.headers.get("Cache-Control", ""), place


@WHO
def test_no_list_tells_strangers_of_it(classic: Classic, who: str) -> None:
    for place in [*LISTS, *(f"/{{name}}{place}" for place in LISTS if "images" not in place)]:
        classic.say(place, classic.world.right, name=SECRET)

        said = classic.say(place, classic.world.strangers[who], name=SECRET)

        assert said.status == 200, (place, said)
        told = said.text
        assert [word for word in [*classic.world.secrets, classic.failed] if word in told] == [], place


def test_strangers_do_not_even_count_private_images(classic: Classic) -> None:
    counted = [
        json.loads(classic.say("/api/v1/stats/image_stats", secret, name=SECRET).text)["total"]
        for secret in ("", classic.world.right)
    ]

    assert counted == [0, 2]
