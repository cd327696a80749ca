"""A finished build becomes a published image, or nothing at all."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from builders import queue
from builders.spec import BuildResult, ResultFile
from builders.states import Reason, State
from images import services, storage
from images.api import answers
from images.models import Image, ImageRequest
from packages.exceptions import SignatureError
from packages.signatures import verify_usign
from stats.models import DailyCount
from tests.factories import make_spec
from tests.images.factories import DEVICE, make_target
from tests.images.publications import DATA, FACTORY, SYSUPGRADE, finish, make_image, make_request, result, upload

pytestmark = pytest.mark.django_db


def stored(request: ImageRequest) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in storage.folder(request.request_hash).iterdir()}


def store_is_empty() -> bool:
    return not any(settings.ASU_STORE_DIR.iterdir())


def test_the_files_are_in_the_store_with_the_sums_of_what_is_served() -> None:
    request = make_request()

    finish(request)

    files = stored(request)
    rows = {row.name: row for row in Image.objects.get(request=request).files.all()}
    assert files.keys() == rows.keys()
    for name, data in files.items():
        assert rows[name].sha256 == hashlib.sha256(data).hexdigest()
        assert rows[name].size == len(data)
    assert files[SYSUPGRADE] == DATA[SYSUPGRADE]
    assert rows[SYSUPGRADE].type == "sysupgrade"
    assert rows[SYSUPGRADE].filesystem == "squashfs"


def test_the_published_document_tells_the_sums_of_what_is_served_not_what_the_build_said() -> None:
    request = make_request()

    finish(request)

    image = Image.objects.get(request=request)
    entries = {entry["name"]: entry for entry in image.profile_json["profiles"]["tiny"]["images"]}
    assert entries[FACTORY]["sha256"] == hashlib.sha256(DATA[FACTORY]).hexdigest()
    assert entries[FACTORY]["size"] == len(DATA[FACTORY])
    assert json.loads(stored(request)["profiles.json"]) == image.profile_json


def test_sums_log_and_manifest_are_files_too() -> None:
    request = make_request()

    finish(request)

    files = stored(request)
    manifest = next(data for name, data in files.items() if name.endswith(".manifest"))
    assert manifest == b"base-files - 1\nvim - 9.1-r1\n"
    assert b"all went well" in files["build.log"]
    assert f"{hashlib.sha256(DATA[FACTORY]).hexdigest()} *{FACTORY}\n".encode() in files["sha256sums"]


def test_everybody_may_read_the_files_and_nobody_change_them() -> None:
    request = make_request()

    finish(request)

    folder = storage.folder(request.request_hash)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def declared(name: str, size: int, sha256: str) -> BuildResult:
    good = result()
    return replace(good, files=[*good.files[1:], ResultFile(name, size, sha256)])


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(declared(SYSUPGRADE, 5, result().files[0].sha256), id="another size"),
        pytest.param(declared(SYSUPGRADE, result().files[0].size, "0" * 64), id="another sum"),
        pytest.param(declared("../evil", 5, "0" * 64), id="a name that leads out"),
        pytest.param(declared("e\nvil.bin", 5, "0" * 64), id="a name with a line break"),
        pytest.param(replace(result(), files=result().files[:1]), id="an image that was not delivered"),
        pytest.param(replace(result(), profile_json={}), id="no document"),
    ],
)
def test_a_result_that_is_not_as_declared_fails_and_leaves_nothing(outcome: BuildResult) -> None:
    request = make_request()

    build = finish(request, outcome)

    assert build.state == State.FAILED
    assert build.reason == Reason.BAD_RESULT
    assert str(settings.ASU_DATA_DIR) not in build.sentence
    assert store_is_empty()
    assert not Image.objects.exists()


def test_a_link_instead_of_a_file_is_refused(tmp_path: Path) -> None:
    request = make_request()
    folder = upload({FACTORY: DATA[FACTORY]})
    (tmp_path / "secret").write_bytes(DATA[SYSUPGRADE])
    (folder / SYSUPGRADE).symlink_to(tmp_path / "secret")

    build = finish(request, folder=folder)

    assert build.state == State.FAILED
    assert store_is_empty()


def test_an_empty_image_is_refused() -> None:
    data = {**DATA, SYSUPGRADE: b""}
    request = make_request()

    build = finish(request, result(data), upload(data))

    assert build.state == State.FAILED


def test_sums_and_signatures_of_the_build_are_replaced_by_ours() -> None:
    data = {**DATA, "sha256sums": b"lies"}
    request = make_request()

    finish(request, result(data), upload(data))

    assert b"lies" not in stored(request)["sha256sums"]


def test_what_a_crash_left_in_the_place_is_replaced() -> None:
    request = make_request()
    storage.folder(request.request_hash).mkdir()
    (storage.folder(request.request_hash) / "half").write_text("x")

    finish(request)

    assert "half" not in stored(request)
    assert [path.name for path in settings.ASU_STORE_DIR.iterdir()] == [request.request_hash]


def test_an_expired_image_comes_back_with_its_counters() -> None:
    image = make_image()
    image.files.filter(name=SYSUPGRADE).update(downloads=7)
    services.expire(image)
    assert store_is_empty()

    spec_request = ImageRequest.objects.get(request_hash=image.request.request_hash)
    assert spec_request.build is not None
    queue.retry(spec_request.build)
    for left in settings.ASU_UPLOAD_DIR.iterdir():
        left.rename(left.with_name("old"))
    finish(spec_request)

    image.refresh_from_db()
    assert image.is_served
    assert image.files.get(name=SYSUPGRADE).downloads == 7
    assert SYSUPGRADE in stored(spec_request)


def test_a_build_is_counted() -> None:
    make_image()

    assert DailyCount.objects.get(name="builds").count == 1


# -- signatures ----------------------------------------------------------------------------------------------


def test_without_a_key_nothing_is_signed_and_no_key_appears() -> None:
    image = make_image()

    assert not image.files.filter(name__endswith=".sig").exists()
    assert not (settings.ASU_KEY_DIR / "signing.sec").exists()


def test_with_a_key_images_and_sums_are_signed() -> None:
    call_command("make_signing_key", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115
    request = make_request()

    finish(request)

    files = stored(request)
    public = (settings.ASU_KEY_DIR / "signing.pub").read_text()
    for name in (SYSUPGRADE, FACTORY, "sha256sums"):
        verify_usign(files[name], files[f"{name}.sig"], [public])
    with pytest.raises(SignatureError):
        verify_usign(files[FACTORY] + b"x", files[f"{FACTORY}.sig"], [public])
    assert (settings.ASU_KEY_DIR / "signing.sec").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("has_key", [False, True])
def test_a_signature_that_the_build_brings_along_is_left_out(has_key: bool) -> None:
    if has_key:
        call_command("make_signing_key", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115
    data = {**DATA, f"{SYSUPGRADE}.sig": b"lies", "sha256sums.sig": b"lies", "profiles.json.sig": b"lies"}
    request = make_request()

    finish(request, result(data), upload(data))

    ours = {f"{name}.sig" for name in (SYSUPGRADE, FACTORY, "sha256sums")} if has_key else set()
    files = stored(request)
    assert {name for name in files if name.endswith(".sig")} == ours
    assert b"lies" not in b"".join(files.values())


def test_a_key_is_never_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("make_signing_key")
    before = (settings.ASU_KEY_DIR / "signing.sec").read_bytes()

    with pytest.raises(CommandError, match="already"):
        call_command("make_signing_key")

    assert (settings.ASU_KEY_DIR / "signing.sec").read_bytes() == before
    assert "untrusted comment" in capsys.readouterr().out


def test_an_image_whose_name_says_nothing_is_an_image_all_the_same() -> None:
    request = make_request()
    outcome = result()
    for entry in outcome.profile_json["profiles"]["tiny"]["images"]:
        entry["type"] = ""

    finish(request, outcome)

    request.refresh_from_db()
    answer = answers.for_request(request)
    assert {entry["name"]: entry["type"] for entry in answer.body["images"]} == {SYSUPGRADE: "image", FACTORY: "image"}


@pytest.mark.parametrize("made_here", [["profiles.json"], []])
def test_a_document_made_here_has_the_device_of_the_catalogue(made_here: list[str]) -> None:
    make_target(default_packages=["base-files"])
    spec = make_spec(distribution="openwrt", version="24.10.2", target="ath79/generic", profile=DEVICE["name"])
    request = make_request(spec)
    outcome = result(details={"made_here": made_here})
    (entry,) = outcome.profile_json["profiles"].values()
    outcome.profile_json = {
        "default_packages": ["base-files", *DEVICE["device_packages"]],
        "profiles": {DEVICE["name"]: {**entry, "titles": [], "supported_devices": [], "device_packages": []}},
    }

    finish(request, outcome)

    told = json.loads(stored(request)["profiles.json"])
    profile = told["profiles"][DEVICE["name"]]
    if made_here:
        assert told["default_packages"] == ["base-files"]
        assert {key: profile[key] for key in ("titles", "supported_devices", "device_packages")} == {
            key: DEVICE[key] for key in ("titles", "supported_devices", "device_packages")
        }
    else:
        assert profile["titles"] == []
