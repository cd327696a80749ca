"""What holds for each list of the admin that may become very long."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from builders.models import Attempt, Build
from builders.states import State
from images.models import Image, ImageFile, ImageRequest
from packages.lists import fast
from packages.lists.fast import FastList
from packages.lists.keyset import Cursor
from tests.factories import make_build, make_spec, make_worker
from tests.images.publications import make_image, make_request

pytestmark = pytest.mark.django_db

LISTS = sorted(
    (model._meta.label_lower for model, shown in admin.site._registry.items() if isinstance(shown, FastList)), key=str
)
MANY = ["builders.build", "builders.attempt", "images.image", "images.imagefile", "images.imagerequest"]


def address(label: str) -> str:
    app, model = label.split(".")
    return reverse(f"admin:{app}_{model}_changelist")


def found(client: Client, label: str, /, **query: str) -> list[int]:
    return [row.pk for row in client.get(address(label), query).context["cl"].result_list]


def copies(count: int) -> None:
    """So many images more, with builds, attempts, requests and files."""
    worker = make_worker()
    start = Build.objects.count()
    for number in range(start, start + count):
        build = Build(**_build(number), worker=worker)
        build.save()
        asked = ImageRequest.objects.create(
            request_hash=build.spec_hash,
            distribution="demo",
            version="1",
            target="a/b",
            profile="p",
            echo={},
            build=build,
        )
        image = Image.objects.create(
            request=asked, profile_json={}, manifest={}, published_at=build.queued_at, last_asked_at=build.queued_at
        )
        ImageFile.objects.create(image=image, name="x.bin", size=1, sha256="0" * 64, sha256_unsigned="0" * 64)
        Attempt.objects.create(build=build, epoch=1, worker=worker, worker_name="w", started_at=build.queued_at)


def _build(number: int) -> dict[str, Any]:
    from builders import clock

    values = {"spec": {}, "canonical": "", "state": State.DONE, "queued_at": clock.now(), "stdout": "long " * 50}
    return {
        "spec_hash": f"{number:064x}",
        "distribution": "demo",
        "version": "1",
        "target": "a/b",
        "profile": "p",
        **values,
    }


@pytest.mark.parametrize("label", MANY)
def test_a_hundred_rows_take_no_more_questions_than_three(admin_client: Client, label: str) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            admin_client.get(address(label))
        return len(asked)

    copies(3)
    questions()
    few = questions()
    copies(97)
    many = questions()

    # One more: the next page is there, so the rows are counted.
    assert many <= few + 2
    assert many <= 16


@pytest.mark.parametrize("label", MANY)
def test_no_list_reads_what_is_long(admin_client: Client, label: str) -> None:
    copies(2)

    with CaptureQueriesContext(connection) as asked:
        admin_client.get(address(label))

    statements = " ".join(query["sql"] for query in asked)
    assert not any(
        f'"{column}"' in statements for column in ("stdout", "canonical", "manifest", "profile_json", "spec")
    )


HOSTILE = [
    *({"p": "after.x"}, {"p": "99999999999999999999"}, {"p": "-1"}, {"p": "\0"}, {"o": "\0"}, {"o": "99999.-1.x"}),
    *(
        {"o": "-9" * 50},
        {"o": "1.2.3"},
        {"q": "\0"},
        {"q": "%"},
        {"q": "x" * 9000},
        {"q": "'; --"},
        {"q": "\u202e" * 9},
    ),
    *({"state": "\0"}, {"state": "x" * 9000}, {"reason": "no such"}, {"worker": "9" * 40}, {"worker": "-1"}),
    *({"days": "x"}, {"days": "99999"}, {"days": "-1"}, {"version": "\0"}, {"distribution": "\u202e"}, {"_popup": "1"}),
    *({"_popup": "x", "_to_field": "nope"}, {"all": ""}, {"e": "1"}, {"_facets": "True"}, {"stdout__icontains": "x"}),
    *({"id__in": "x"}, {"spec_hash__regex": "((("}, {"created_at__year": "0"}, {"queued_at__gte": "nonsense"}),
    *(
        {"standing": "\0"},
        {"client": "\0"},
        {"organisation": "x"},
        {"status": "x"},
        {"target[]": "a"},
        {"outcome": "\0"},
    ),
]


@pytest.mark.parametrize("label", LISTS)
def test_whatever_an_address_says_a_page_answers(admin_client: Client, label: str) -> None:
    make_build(State.DONE)

    statuses = {ascii(query): admin_client.get(address(label), query).status_code for query in HOSTILE}

    assert {query: status for query, status in statuses.items() if status not in (200, 302, 400)} == {}


def test_a_filter_on_any_other_column_is_refused(admin_client: Client) -> None:
    assert admin_client.get(address("builders.build"), {"stdout__icontains": "x"}).status_code == 400


def test_pages_of_builds_follow_each_other(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.site._registry[Build], "list_per_page", 2)
    copies(5)
    everything = list(Build.objects.order_by("-pk").values_list("pk", flat=True))
    page = admin_client.get(address("builders.build"))

    second = admin_client.get(address("builders.build") + page.context["cl"].next_link)
    last = admin_client.get(address("builders.build") + second.context["cl"].last_link)

    assert [row.pk for row in page.context["cl"].result_list] == everything[:2]
    assert [row.pk for row in second.context["cl"].result_list] == everything[2:4]
    assert [row.pk for row in last.context["cl"].result_list] == everything[3:]
    assert b'rel="next"' in page.content and b'rel="prev"' not in page.content


def test_images_are_found_by_what_their_requests_say(admin_client: Client) -> None:
    image = make_image()
    copies(2)

    for query in (
        {"version": "1.0.0"},
        {"distribution": "demo", "version": "1.0.0"},
        {"q": "hill/"},
        {"profile": "tiny"},
    ):
        assert found(admin_client, "images.image", **query) == [image.pk]
    assert found(admin_client, "images.image", q=image.request.request_hash[:9]) == [image.pk]
    assert len(found(admin_client, "images.image", days="1")) == 3


@pytest.mark.parametrize("label", ["images.image", "images.imagerequest"])
@pytest.mark.parametrize("link", ["?distribution=demo", "?q=a/b", "?", "?distribution=demo&q=a/b"])
def test_pages_in_the_order_of_requests_follow_each_other(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, label: str, link: str
) -> None:
    model = Image if label == "images.image" else ImageRequest
    monkeypatch.setattr(admin.site._registry[model], "list_per_page", 3)
    copies(8)
    seen = []

    while link:
        listed = admin_client.get(address(label) + link).context["cl"]
        seen += [row.pk for row in listed.result_list]
        link = listed.next_link

    assert seen == sorted(seen, reverse=True) and len(seen) == 8


def test_standings_of_images_are_told_apart(admin_client: Client) -> None:
    image = make_image(is_pinned=True)

    assert found(admin_client, "images.image", standing="served") == [image.pk]
    assert found(admin_client, "images.image", standing="pinned") == [image.pk]
    assert found(admin_client, "images.image", standing="withdrawn") == []
    assert found(admin_client, "images.image", standing="expired") == []


def test_requests_are_found_by_how_their_client_begins(admin_client: Client) -> None:
    mine = make_request(client="owut/2026.04.09")
    make_request(make_spec(), client="luci/1")

    assert found(admin_client, "images.imagerequest", client="owut/") == [mine.pk]


def test_a_file_is_found_by_its_sum(admin_client: Client) -> None:
    file = make_image().files.exclude(type="")[0]

    assert found(admin_client, "images.imagefile", q=file.sha256[:20]) == [file.pk]


def test_an_action_for_all_is_for_a_bounded_number(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "MOST_AT_ONCE", 1)
    builds = [make_build(State.FAILED), make_build(State.FAILED)]
    data = {"action": "retry", "select_across": "1", "index": "0", "_selected_action": [builds[0].pk]}

    page = admin_client.post(address("builders.build"), data, follow=True)

    assert b"These are more than 1." in page.content
    assert Build.objects.filter(state=State.FAILED).count() == 2


def test_a_deep_page_costs_no_more_questions_than_the_first(admin_client: Client) -> None:
    copies(60)
    middle = Cursor("after", [Build.objects.order_by("pk")[30].pk]).write()

    with CaptureQueriesContext(connection) as first:
        admin_client.get(address("builders.build"))
    with CaptureQueriesContext(connection) as deep:
        admin_client.get(address("builders.build"), {"p": middle})

    assert len(deep) <= len(first)
    assert not any("OFFSET" in query["sql"] for query in deep)


def test_lists_of_releases_and_targets_offer_what_the_catalogue_has(admin_client: Client, settings: Settings) -> None:
    from tests.images.factories import make_target

    target = make_target()
    release = target.release

    page = admin_client.get(address("builders.build"), {"version": release.version}).content.decode()

    assert f"version={release.version}" in page
    assert f"target={target.name.replace('/', '%2F')}" in page
