"""Network profiles are written in the admin: text typed in, other files uploaded."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from packages import generation
from packages.models import Distribution, NetworkProfile

pytestmark = pytest.mark.django_db

ADD = "admin:packages_networkprofile_add"
CHANGE = "admin:packages_networkprofile_change"
FACTS = {"name": "libremesh/antennas", "is_enabled": "on", "is_general": "on", "packages": "vim -ppp"}


def form(*files: dict[str, Any], initial: int = 0, **facts: Any) -> dict[str, Any]:
    data: dict[str, Any] = {**FACTS, **facts, "files-TOTAL_FORMS": len(files), "files-INITIAL_FORMS": initial}
    for number, file in enumerate(files):
        data |= {f"files-{number}-{field}": value for field, value in {"mode": 420, "text": "", **file}.items()}
    return {name: value for name, value in data.items() if value is not None}


def problems(answer: Any) -> str:
    assert answer.status_code == 200
    found = answer.context["adminform"].form.errors.as_text()
    for inline in answer.context["inline_admin_formsets"]:
        found += str(inline.formset.errors) + str(inline.formset.non_form_errors())
    return str(found)


def test_files_are_typed_in_and_uploaded(
    admin_client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    before = generation.current()
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(
            reverse(ADD),
            form(
                {"path": "etc/config/lime", "text": "config lime\r\n\toption a b\r\n"},
                {"path": "etc/key", "mode": 493, "upload": SimpleUploadedFile("key", b"\0\xff\r\n")},
                {"path": "etc/empty"},
            ),
        )

    assert answer.status_code == 302, problems(answer)
    found = {file.path: (bytes(file.content), file.mode) for file in NetworkProfile.objects.get().files.all()}
    assert found == {
        "etc/config/lime": (b"config lime\n\toption a b\n", 0o644),
        "etc/key": (b"\0\xff\r\n", 0o755),
        "etc/empty": (b"", 0o644),
    }
    assert generation.current() > before


def test_saved_again_nothing_changes_and_what_is_no_text_stays(admin_client: Client) -> None:
    profile = NetworkProfile.objects.create(name="a/b", is_general=True)
    contents = {"etc/binary": b"\0\xff", "etc/dos": b"a\r\nb", "etc/text": b" two\n\nlines \n"}
    for path, content in contents.items():
        profile.files.create(path=path, content=content)

    page = admin_client.get(reverse(CHANGE, args=[profile.pk]))
    [inline] = page.context["inline_admin_formsets"]
    shown = [
        {"id": each.instance.pk, "profile": profile.pk, "path": each.instance.path, "text": each["text"].value()}
        for each in inline.formset.initial_forms
    ]
    answer = admin_client.post(reverse(CHANGE, args=[profile.pk]), form(*shown, initial=3, name="a/b"))

    assert answer.status_code == 302, problems(answer)
    assert {file.path: bytes(file.content) for file in profile.files.all()} == contents


def test_a_text_takes_the_place_of_what_was_not_shown(admin_client: Client) -> None:
    profile = NetworkProfile.objects.create(name="a/b", is_general=True)
    file = profile.files.create(path="etc/x", content=b"\0")
    change = {"id": file.pk, "profile": profile.pk, "path": "etc/x", "text": "text"}

    admin_client.post(reverse(CHANGE, args=[profile.pk]), form(change, initial=1, name="a/b"))

    assert bytes(profile.files.get().content) == b"text"


@pytest.mark.parametrize(
    ("files", "facts", "problem"),
    [
        ([{"path": "/etc/x"}], {}, "leave out the slash in front"),
        ([{"path": "etc/../../x"}], {}, "have no place in a path"),
        ([{"path": "tmp/x"}], {}, "made anew"),
        ([{"path": "a"}, {"path": "a/x"}], {}, "cannot be a file and the folder"),
        ([{"path": "etc/x", "mode": 2541}], {}, "not one of the available choices"),
        ([{"path": "etc/x", "text": "x" * 1025}], {}, "ASU_NETWORK_PROFILE_KB"),
        ([{"path": f"etc/{number}"} for number in range(4)], {}, "ASU_NETWORK_PROFILE_FILES"),
        ([], {"name": "no name!"}, "Use letters, digits"),
        ([], {"packages": "-busybox"}, "busybox cannot be removed"),
        ([], {"packages": "a;b"}, "is no package"),
        ([], {"is_general": None}, "Choose what it is for"),
    ],
)
def test_what_could_not_be_built_is_refused_with_a_sentence(
    admin_client: Client, settings: Settings, files: list[dict[str, Any]], facts: dict[str, Any], problem: str
) -> None:
    settings.ASU_NETWORK_PROFILE_KB, settings.ASU_NETWORK_PROFILE_FILES = 1, 3

    answer = admin_client.post(reverse(ADD), form(*files, **facts))

    assert problem in problems(answer)
    assert not NetworkProfile.objects.exists()


def test_it_is_for_the_distributions_that_are_chosen(admin_client: Client) -> None:
    row = Distribution.objects.create(name="libremesh", url="https://x.example.org")

    admin_client.post(reverse(ADD), form(is_general=None, distributions=[row.pk]))

    assert [each.name for each in NetworkProfile.objects.get().distributions.all()] == ["libremesh"]


def test_the_list_of_files_shows_no_content(admin_client: Client) -> None:
    profile = NetworkProfile.objects.create(name="a/b", is_general=True)
    file = profile.files.create(path="etc/x", content=b"the-key")

    for address in ("changelist", "change"):
        args = [file.pk] if address == "change" else []
        page = admin_client.get(reverse(f"admin:packages_networkprofilefile_{address}", args=args))
        assert b"the-key" not in page.content and page.status_code == 200
