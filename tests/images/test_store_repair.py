"""What a crash leaves between files and rows, and how it is mended."""

import os
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from builders.states import State
from images import storage
from tests.images.publications import SYSUPGRADE, make_image, withdrawn

pytestmark = pytest.mark.django_db


def repair(*, idle: bool = True) -> None:
    with open(os.devnull, "w") as nowhere:
        call_command("check_store", repair=True, idle=idle, stdout=nowhere)


def test_files_without_rows_are_removed() -> None:
    orphan = settings.ASU_STORE_DIR / ("a" * 64)
    draft = settings.ASU_STORE_DIR / ".draft-x"
    for folder in (orphan, draft):
        folder.mkdir()
        (folder / "file").write_text("x")

    repair()

    assert list(settings.ASU_STORE_DIR.iterdir()) == []


def test_uploads_that_nobody_will_finish_are_removed() -> None:
    (settings.ASU_UPLOAD_DIR / "9-1").mkdir()

    repair()

    assert list(settings.ASU_UPLOAD_DIR.iterdir()) == []


def test_a_publication_under_way_is_left_alone() -> None:
    draft = settings.ASU_STORE_DIR / ".draft-x"
    draft.mkdir()

    repair(idle=False)

    assert draft.is_dir()


@pytest.mark.parametrize("damage", ["folder gone", "file gone", "file cut"])
def test_an_image_with_files_missing_expires_so_that_it_is_built_again(damage: str) -> None:
    image = make_image()
    folder = storage.folder(image.request.request_hash)
    if damage == "folder gone":
        shutil.rmtree(folder)
    elif damage == "file gone":
        (folder / SYSUPGRADE).unlink()
    else:
        (folder / SYSUPGRADE).write_bytes(b"short")

    repair()

    image.refresh_from_db()
    assert image.request.build is not None
    image.request.build.refresh_from_db()
    assert image.expired_at is not None
    assert image.request.build.state == State.EXPIRED
    assert not folder.exists()


@pytest.mark.parametrize("fields", [{}, withdrawn()])
def test_what_fits_together_stays_also_as_evidence(fields: dict[str, object]) -> None:
    image = make_image(**fields)
    folder = storage.folder(image.request.request_hash)
    before = sorted(path.name for path in folder.iterdir())

    repair()

    image.refresh_from_db()
    assert image.expired_at is None
    assert sorted(path.name for path in folder.iterdir()) == before


def test_without_repair_the_command_says_so_and_touches_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    orphan: Path = settings.ASU_STORE_DIR / ("a" * 64)
    orphan.mkdir()

    with pytest.raises(CommandError, match="--repair"):
        call_command("check_store", idle=True)

    assert orphan.is_dir()
    assert "a" * 64 in capsys.readouterr().out
