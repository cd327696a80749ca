"""The command against our own server: the real site, its queue and its store."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from builders.models import Build
from builders.states import State
from images.models import ImageRequest
from packages import generation
from packages.models import Distribution, Organisation
from packages.signatures import UsignKey
from tests.builders.processes import until
from tests.cli.command import SECONDS, Asu
from tests.images.factories import make_target, wish
from tests.images.publications import DATA, SYSUPGRADE, publish

pytestmark = pytest.mark.django_db(transaction=True)

WISH = ("build", "--version", "24.10.2", "--target", "ath79/generic", "--profile", "tplink,archer-c7-v2", "-p", "luci")


@pytest.fixture
def asu(live_server: LiveServer, tmp_path: Path) -> Asu:
    make_target()
    return Asu(tmp_path / "here", str(live_server.url))


def test_from_the_request_to_the_verified_file(asu: Asu) -> None:
    process = asu.start(*WISH)
    until(ImageRequest.objects.exists)
    publish(ImageRequest.objects.get())
    out, err = process.communicate(timeout=SECONDS)

    assert (process.returncode, out) == (0, f"{SYSUPGRADE}\n")
    assert (asu.folder / SYSUPGRADE).read_bytes() == DATA[SYSUPGRADE]
    assert "queued, you are next" in err
    assert "verified (SHA-256, sha256sums)" in err


def test_a_request_may_name_another_distribution_than_that_of_the_address(asu: Asu) -> None:
    make_target(distribution="meadow")

    (asu.folder / "wish.json").write_text(json.dumps(wish(distro="meadow")))

    process = asu.start("build", "--request", "wish.json")
    until(ImageRequest.objects.exists)
    publish(ImageRequest.objects.get())
    out, err = process.communicate(timeout=SECONDS)

    assert (process.returncode, out) == (0, f"{SYSUPGRADE}\n"), err


def built(asu: Asu) -> str:
    """An image that is there; its request_hash."""
    process = asu.start(*WISH, "--no-download")
    until(ImageRequest.objects.exists)
    image = publish(ImageRequest.objects.get())
    process.communicate(timeout=SECONDS)
    return image.request.request_hash


def test_a_file_that_broke_off_is_fetched_from_there_on(asu: Asu) -> None:
    request_hash = built(asu)
    image = asu("status", request_hash, "--json").json()["images"][0]
    part = asu.folder / f".{SYSUPGRADE}.{image['sha256'][:16]}.part"
    part.write_bytes(DATA[SYSUPGRADE][:300_000])

    done = asu("download", request_hash, "--type", "sysupgrade", "--json")

    assert done.code == 0
    assert (asu.folder / SYSUPGRADE).read_bytes() == DATA[SYSUPGRADE]


def test_what_the_server_signs_verifies_with_its_public_key(asu: Asu, settings: Any) -> None:
    key = UsignKey.generate("image server")
    settings.ASU_SIGNING_KEY = key.secret_text()
    (asu.folder / "server.pub").write_text(key.public_text())
    request_hash = built(asu)

    done = asu("download", request_hash, "--key", "server.pub", "--json")

    assert done.code == 0
    assert done.json()["files"][0]["signed_by"] == key.fingerprint


def test_the_queue_is_told_with_what_holds_it_up(asu: Asu) -> None:
    process = asu.start(*WISH, "--json")
    until(ImageRequest.objects.exists)
    request_hash = ImageRequest.objects.get().request_hash

    done = asu("status", request_hash, "--json")
    process.kill()
    process.communicate()

    assert done.code == 0
    assert done.json()["status"] == "queued"
    assert "No worker for ath79/generic is there just now." in done.json()["hint"]


def test_ctrl_c_cancels_where_that_was_asked_for(asu: Asu) -> None:
    process = asu.start(*WISH, "--cancel-on-interrupt")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("request_hash: ")
    process.send_signal(2)
    _, err = process.communicate(timeout=SECONDS)

    assert process.returncode == 8
    assert "cancelled at the server" in err
    assert Build.objects.get().state == State.DROPPED


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": "99.99"}, "Unsupported version: 99.99"),
        ({"target": "no/such"}, "Unsupported target: no/such"),
        ({"profile": "acme_toaster"}, "Unsupported profile: acme_toaster"),
        ({"packages": ["no-such-pkg"]}, "Unsupported package(s): no-such-pkg"),
        ({"packages": ["-base-files"]}, "base-files"),
        ({"packages": 7}, "packages"),
        ({"rootfs_size_mb": 10**9}, "rootfs_size_mb"),
    ],
)
def test_what_the_server_refuses_is_told_in_its_words(asu: Asu, changes: dict[str, Any], sentence: str) -> None:
    done = asu("build", "--request", "-", "--json", stdin=json.dumps(wish(**changes)))

    assert done.code == 4
    assert sentence in done.json()["error"]
    assert not Build.objects.exists()


def test_what_a_check_finds_is_taken_as_a_request(asu: Asu) -> None:
    make_target(version="24.10.1", packages={"base-files": "1600", "luci": "24"}, version_code="r28000-aaaaaaaaaa")
    (asu.folder / "installed").write_text("base-files - 1600\nluci - 24\n")

    found = asu(
        *("check", "--json", "--version", "24.10.1", "--target", "ath79/generic", "--packages", "installed"),
        *("--profile", "tplink_archer-c7-v2", "--revision", "r28000-aaaaaaaaaa"),
    )
    assert (found.code, found.json()["version"]) == (0, "24.10.2")

    (asu.folder / "check.json").write_text(found.out)
    process = asu.start("build", "--from-check", "check.json")
    until(ImageRequest.objects.exists)
    publish(ImageRequest.objects.get())
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert asu.files() == ["check.json", SYSUPGRADE, "installed"]


def test_a_private_distribution_is_for_who_has_a_token_of_its_organisation(asu: Asu) -> None:
    meadow = Organisation.objects.create(name="meadow")
    Distribution.objects.filter(name="openwrt").update(organisation=meadow)
    generation.bump()
    token = io.StringIO()
    call_command("client_token", "Meadow Net", organisation="meadow", stdout=token)
    member = {"ASU_TOKEN": token.getvalue().strip()}

    assert asu(*WISH).code == 4
    assert asu("compare", "24.10.2", "24.10.2", "--target", "ath79/generic", "--profile", "x").code in (4, 6)

    asu.environment |= member
    request_hash = built(asu)
    assert asu("download", request_hash).code == 0
    assert asu.files() == [SYSUPGRADE]

    asu.environment["ASU_TOKEN"] = ""
    assert asu("download", request_hash, "--force").code == 4


def test_a_token_of_the_server_makes_the_build_its_own(asu: Asu) -> None:
    out = io.StringIO()
    call_command("client_token", "Meadow Net", stdout=out)

    for index, words in enumerate([(), ("--token", out.getvalue().split()[-1])]):
        process = asu.start(*WISH, "-p", ("vim", "tcpdump")[index], *words)
        until(lambda: Build.objects.count() > index)  # noqa: B023 # it ends within the round
        process.kill()
        process.communicate()

    assert len(set(Build.objects.values_list("client", flat=True))) == 2
