"""The maintainer sees builds, starts them anew and cancels them."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from builders import livelog, queue, waiting
from builders.admin import words
from builders.models import Build, ImageBuilder, Worker
from builders.states import Phase, Reason, State
from tests.factories import make_build, make_lease, make_result, make_spec, make_worker

pytestmark = pytest.mark.django_db

BUILDS = "admin:builders_build_changelist"


def act(client: Client, action: str, *builds: Build) -> Any:
    return client.post(
        reverse(BUILDS), {"action": action, "_selected_action": [build.pk for build in builds]}, follow=True
    )


def test_the_list_shows_each_build_in_every_state(admin_client: Client) -> None:
    builds = [make_build(state) for state in State]

    page = admin_client.get(reverse(BUILDS)).content.decode()

    for build in builds:
        assert build.spec_hash[:12] in page
    assert "demo 1.0.0" in page


def test_builds_are_found_by_words_of_their_spec(admin_client: Client) -> None:
    build = make_build()

    pages = [
        admin_client.get(reverse(BUILDS), query).content.decode()
        for query in ({"distribution": "demo"}, {"q": "tin"}, {"target": "hill/small"}, {"version": "2.0"}, {"q": "x9"})
    ]

    assert [build.spec_hash[:12] in page for page in pages] == [True, True, True, False, False]


def test_a_build_shows_its_reason_its_log_and_its_attempts(admin_client: Client) -> None:
    build = make_build(State.FAILED, reason=Reason.IMAGE_TOO_BIG)
    Build.objects.update(stderr="<b>oh no</b>")

    page = admin_client.get(reverse("admin:builders_build_change", args=[build.pk])).content.decode()

    assert "It failed: the image does not fit the device." in page
    assert "&lt;b&gt;oh no&lt;/b&gt;" in page
    assert "image_too_big" in page
    assert 'name="spec_hash"' not in page


def test_failed_builds_are_retried_and_others_left_alone(admin_client: Client) -> None:
    failed, done = make_build(State.FAILED), make_build(State.DONE)

    page = act(admin_client, "retry", failed, done).content.decode()

    assert Build.objects.get(pk=failed.pk).state == State.QUEUED
    assert Build.objects.get(pk=done.pk).state == State.DONE
    assert "1 build queued again" in page
    assert "1 build left alone" in page


def test_waiting_and_running_builds_are_cancelled(admin_client: Client) -> None:
    running = make_build(State.BUILDING)
    waiting = make_build()

    act(admin_client, "cancel", waiting, running)

    waiting.refresh_from_db()
    # Not dropped: whoever polls a dropped one may well ask anew at once, without any person.
    assert (waiting.state, waiting.reason) == (State.FAILED, Reason.CANCELLED)
    assert "by a maintainer" in waiting.sentence
    assert Build.objects.get(pk=running.pk).cancel_requested


def test_who_may_only_look_cannot_act(client: Client) -> None:
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_build"))
    client.force_login(user)
    build = make_build(State.FAILED)

    act(client, "retry", build)

    assert Build.objects.get().state == State.FAILED


def page_of(client: Client, build: Build) -> str:
    return client.get(reverse("admin:builders_build_change", args=[build.pk])).content.decode()


def press(client: Client, build: Build, order: str) -> Any:
    return client.post(reverse("admin:builders_build_press", args=[build.pk]), {"order": order}, follow=True)


@pytest.mark.parametrize("state", list(State))
def test_a_page_tells_what_the_state_means(admin_client: Client, state: State) -> None:
    assert words.STATES[state] in page_of(admin_client, make_build(state))


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.DROPPED, State.PARKED])
def test_a_build_at_rest_is_built_again_by_a_button(admin_client: Client, state: State) -> None:
    build = make_build(state)

    assert 'value="retry"' in page_of(admin_client, build)
    page = press(admin_client, build, "retry").content.decode()

    assert Build.objects.get(pk=build.pk).state == State.QUEUED
    assert "1 build queued again" in page
    assert LogEntry.objects.get(action_flag__lt=10).object_id == str(build.pk)


def test_a_running_build_is_cancelled_by_a_button(admin_client: Client) -> None:
    build = make_build(State.BUILDING)

    press(admin_client, build, "cancel")

    assert Build.objects.get().cancel_requested
    page = page_of(admin_client, build)
    assert "will be cancelled" in page and 'value="cancel"' not in page


def test_a_done_build_has_no_buttons(admin_client: Client) -> None:
    build = make_build(State.DONE)

    assert 'name="order"' not in page_of(admin_client, build)
    assert "1 build left alone" in press(admin_client, build, "cancel").content.decode()


def test_a_waiting_build_tells_its_place_and_when_it_should_begin(admin_client: Client) -> None:
    first, second = make_build(), make_build()
    nobody = page_of(admin_client, second)
    make_worker()
    waiting.forget()

    assert "1 build goes first. No worker that is there may build it" in nobody
    assert "1 build goes first. It should begin in about 30 s." in page_of(admin_client, second)
    assert "It is the next one. It should begin in about 0 s." in page_of(admin_client, first)


def test_a_running_build_shows_its_log_and_progress_until_it_ends(admin_client: Client) -> None:
    lease, worker = make_lease()
    build = Build.objects.get()
    queue.beat(lease, worker, Phase.BUILDING_IMAGE, 33)
    livelog.append(lease.build_id, lease.epoch, "so far <so> good\x1b[0m\u202e")
    address = reverse("admin:builders_build_live", args=[build.pk])

    page, running = page_of(admin_client, build), admin_client.get(address).json()
    queue.finish(lease, worker, make_result(), Path("/nowhere"))
    over = admin_client.get(address).json()

    assert f'data-live="{address}"' in page
    assert "so far &lt;so&gt; good&lt;U+202E&gt;" in page and "builds the image, 33%" in page
    assert running["again"] and "33%" in running["parts"]["head"] and "so far" in running["parts"]["log"]
    assert not over["again"] and over["parts"]["log"] == "" and "done" in over["parts"]["attempts"]
    assert f'data-live="{address}"' not in page_of(admin_client, build)


def test_a_build_names_the_workers_that_tried_it(admin_client: Client) -> None:
    build = make_build(State.PARKED)
    names = list(Worker.objects.values_list("name", flat=True))

    page = page_of(admin_client, build)

    assert len(names) == 2 and all(f">{name}</a>" in page for name in names)
    assert page.count("crashed: the worker came back anew") == 2


def test_the_first_boot_script_is_not_shown(admin_client: Client) -> None:
    build = make_build(spec=make_spec(defaults="passwd root secret"))

    page = page_of(admin_client, build)

    assert "secret" not in page
    assert "(18 characters, not shown)" in page


def test_builds_are_found_by_reason_and_worker(admin_client: Client) -> None:
    failed = make_build(State.FAILED, reason=Reason.TIMEOUT)
    make_build(State.DONE)
    Build.objects.filter(pk=failed.pk).update(worker=make_worker("slow"))

    def found(**query: str) -> list[int]:
        return [row.pk for row in admin_client.get(reverse(BUILDS), query).context["cl"].result_list]

    assert found(reason="timeout") == [failed.pk]
    assert found(worker=str(Worker.objects.get(name="slow").pk)) == [failed.pk]
    assert found(worker="x") == []


def test_many_builds_take_no_more_questions_than_few(admin_client: Client) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            admin_client.get(reverse(BUILDS))
        return len(asked)

    make_build(State.DONE)
    questions()
    few = questions()
    for _ in range(10):
        make_build(State.DONE)

    assert questions() == few


def test_buttons_are_for_those_who_may_change_builds(client: Client) -> None:
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_build"))
    client.force_login(user)
    build = make_build(State.FAILED)

    assert press(client, build, "retry").status_code == 403
    assert 'name="order"' not in page_of(client, build)
    assert Build.objects.get().state == State.FAILED


def test_an_image_builder_shows_how_far_its_download_is(admin_client: Client) -> None:
    ImageBuilder.objects.create(
        sha256="a" * 64, distribution="demo", version="1.0.0", target="hill/small", downloaded_bytes=50, total_bytes=200
    )

    page = admin_client.get(reverse("admin:builders_imagebuilder_changelist")).content.decode()

    assert "25% of" in page
