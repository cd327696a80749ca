"""Long logs that a maintainer finds a way through, and parked builds that are decided about."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse

from builders.admin import logs
from builders.models import Build
from builders.states import Reason, State
from tests.factories import make_build, make_spec


def test_lines_that_matter_are_told_with_their_numbers() -> None:
    text = "make all\nCollected\n * cannot install vim\n0 errors\nfine\n"

    shown = logs.show("Output", text)

    assert [line.number for line in shown.marks] == [3]
    assert len(shown.lines) == 5


def test_what_is_searched_for_is_marked_in_its_own_spelling() -> None:
    shown = logs.show("Output", "one\nTwo two\nthree", "two")

    (line,) = shown.marks
    assert (line.before, line.found, line.after) == ("", "Two", " two")


def test_of_a_long_log_the_end_is_shown_with_the_numbers_of_the_whole() -> None:
    text = "".join(f"line {number:06}\n" for number in range(1, 40_001))

    shown = logs.show("Output", text)

    assert shown.lines[-1].number == 40_000 and shown.lines[-1].text == "line 040000"
    assert shown.cut == shown.lines[0].number - 1 > 0


@pytest.mark.parametrize("text", ["", "\0\x1b[31mred\x1b[0m\u202e", "x" * 300_000, "\n" * 500_000, "\ud800", "ß" * 10])
def test_any_log_can_be_shown(text: str) -> None:
    shown = logs.show("Output", text, "ss")

    assert "\x1b" not in "".join(line.text for line in shown.lines)
    assert "\u202e" not in "".join(line.text for line in shown.lines)


@pytest.mark.django_db
def test_the_page_of_a_build_leads_to_the_lines_and_finds_others(admin_client: Client) -> None:
    build = make_build(State.FAILED)
    Build.objects.update(stdout="begin <b>\n\x1b[31mERROR: bad\x1b[0m\nneedle in it\n")
    address = reverse("admin:builders_build_change", args=[build.pk])

    page = admin_client.get(address).content.decode()
    searched = admin_client.get(address, {"find": "needle"}).content.decode()
    missed = admin_client.get(address, {"find": "\0<x>"}).content.decode()
    whole = admin_client.get(reverse("admin:builders_build_log", args=[build.pk]))

    assert 'href="#output-2"' in page and 'id="output-2"' in page and "begin &lt;b&gt;" in page
    assert "<mark>needle</mark> in it" in searched
    assert "<x>" not in missed
    assert whole["Content-Type"] == "text/plain; charset=utf-8" and "ERROR: bad\n" in whole.content.decode()


@pytest.mark.django_db
def test_the_whole_log_is_for_those_who_may_see_builds(client: Client) -> None:
    build = make_build(State.FAILED)

    assert client.get(reverse("admin:builders_build_log", args=[build.pk])).status_code == 302


# -- parked builds -----------------------------------------------------------------------------------------


def press(client: Client, build: Build, **fields: str) -> Any:
    return client.post(reverse("admin:builders_build_press", args=[build.pk]), fields, follow=True)


@pytest.mark.django_db
def test_a_parked_build_is_refused_with_a_sentence_that_everybody_hears(admin_client: Client) -> None:
    build = make_build(State.PARKED)

    asked = press(admin_client, build, order="refuse").content.decode()
    assert "Everybody can read this sentence" in asked and Build.objects.get().state == State.PARKED

    press(admin_client, build, order="refuse", confirmed="yes", sentence="It crashes our machines.")
    build = Build.objects.get()
    assert (build.state, build.reason, build.sentence) == (State.FAILED, Reason.REFUSED, "It crashes our machines.")
    assert Reason.REFUSED.is_users and build.may_retry_at is not None
    assert "It crashes our machines." in LogEntry.objects.get(action_flag=CHANGE).change_message


@pytest.mark.django_db
def test_only_parked_builds_are_refused(admin_client: Client) -> None:
    build = make_build(State.DONE)

    said = press(admin_client, build, order="refuse", confirmed="yes", sentence="No.").content.decode()

    assert "left alone" in said and Build.objects.get().state == State.DONE


@pytest.mark.django_db
def test_a_parked_build_is_released_into_the_queue(admin_client: Client) -> None:
    build = make_build(State.PARKED)

    press(admin_client, build, order="retry")

    assert Build.objects.get().state == State.QUEUED


# -- old rows ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_version_and_profile_of_old_builds_come_from_what_was_asked_for() -> None:
    old = make_build(spec=make_spec(version="2.0", profile="tall"))
    Build.objects.update(version="", profile="")
    step = import_module("builders.migrations.0005_version_and_profile").Migration.operations[-1]

    step.code(None, SimpleNamespace(connection=connection))

    old.refresh_from_db()
    assert (old.version, old.profile) == ("2.0", "tall")
