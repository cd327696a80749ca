"""The maintainer sees builds, retries and cancels them, and tells workers what to do."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from builders.models import Build, ImageBuilder, Worker
from builders.states import Reason, State
from tests.factories import make_build, make_worker

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
    assert "1 builds queued again" in page
    assert "1 builds left alone" in page


def test_waiting_and_running_builds_are_cancelled(admin_client: Client) -> None:
    running = make_build(State.BUILDING)
    waiting = make_build()

    act(admin_client, "cancel", waiting, running)

    assert Build.objects.get(pk=waiting.pk).reason == Reason.CANCELLED
    assert Build.objects.get(pk=running.pk).cancel_requested


def test_who_may_only_look_cannot_act(client: Client) -> None:
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_build"))
    client.force_login(user)
    build = make_build(State.FAILED)

    act(client, "retry", build)

    assert Build.objects.get().state == State.FAILED


def test_a_worker_is_drained_from_the_list(admin_client: Client) -> None:
    worker = make_worker()

    admin_client.post(
        reverse("admin:builders_worker_changelist"),
        {
            "form-TOTAL_FORMS": 1,
            "form-INITIAL_FORMS": 1,
            "form-0-id": worker.pk,
            "form-0-desired": "drain",
            "_save": "Save",
        },
    )

    worker.refresh_from_db()
    assert worker.desired == Worker.Desired.DRAIN


def test_an_image_builder_shows_how_far_its_download_is(admin_client: Client) -> None:
    ImageBuilder.objects.create(
        sha256="a" * 64, distribution="demo", version="1.0.0", target="hill/small", downloaded_bytes=50, total_bytes=200
    )

    page = admin_client.get(reverse("admin:builders_imagebuilder_changelist")).content.decode()

    assert "25% of" in page
