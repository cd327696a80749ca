"""A maintainer adds a machine by one command."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from builders import clock, tokens, workers
from builders.models import JoinToken, Worker
from tests.factories import make_worker

pytestmark = pytest.mark.django_db

ADD = "admin:builders_jointoken_add"
LIST = "admin:builders_jointoken_changelist"


def test_a_token_is_told_once_with_the_command_to_run(admin_client: Client, settings: Settings) -> None:
    settings.ASU_BASE_URL = "https://asu.example.org"

    page = admin_client.post(reverse(ADD), {"note": "rack <4>", "hours": "2"}).content.decode()

    found = re.search(r"asu-join-[A-Za-z0-9_-]+", page)
    assert found
    row = JoinToken.objects.get()
    assert row.token_hash == tokens.digest(found[0])
    assert (
        "curl -fsSO https://asu.example.org/worker/asu-worker.pyz &amp;&amp; "
        f"python3 asu-worker.pyz --server https://asu.example.org --token {found[0]}"
    ) in page
    assert "rack &lt;4&gt;" in page
    assert timedelta(hours=1.9) < row.expires_at - clock.now() < timedelta(hours=2.1)
    assert LogEntry.objects.get(action_flag__lt=10).object_id == str(row.pk)
    assert found[0] not in admin_client.get(reverse(LIST)).content.decode()


def test_the_command_names_the_server_as_the_maintainer_calls_it(admin_client: Client) -> None:
    page = admin_client.post(reverse(ADD), {"note": "", "hours": "24"}, headers={"host": "farm.lan:8000"}).content

    assert b"--server http://farm.lan:8000 --token asu-join-" in page
    assert b"http://farm.lan:8000 is not encrypted" in page


def test_the_told_token_lets_a_machine_join(admin_client: Client) -> None:
    page = admin_client.post(reverse(ADD), {"note": "", "hours": "24"}).content.decode()
    found = re.search(r"asu-join-[A-Za-z0-9_-]+", page)
    assert found

    workers.introduce("x" * 30, workers.Introduction("box", "0" * 32), join=found[0])

    assert Worker.objects.get().standing == "approved"
    listed = admin_client.get(reverse(LIST)).content.decode()
    assert ">used<" in listed and ">box<" in listed


@pytest.mark.parametrize("hours", ["0", "-3", "9999999", "nan", "soon", ""])
def test_hours_that_make_no_sense_are_refused(admin_client: Client, hours: str) -> None:
    page = admin_client.post(reverse(ADD), {"note": "x", "hours": hours}).content.decode()

    assert "errorlist" in page
    assert not JoinToken.objects.exists()


def test_the_list_tells_unused_used_and_expired_ones_apart(admin_client: Client) -> None:
    for note in ("new", "old", "gone"):
        workers.new_join_token(note)
    JoinToken.objects.filter(note="old").update(expires_at=clock.now() - timedelta(hours=1))
    JoinToken.objects.filter(note="gone").update(used_at=clock.now(), worker=make_worker("box"))

    page = admin_client.get(reverse(LIST)).content.decode()

    assert [page.count(f">{word}<") for word in ("unused", "expired", "used")] == [1, 1, 1]


def test_an_unused_token_is_taken_back_and_a_used_one_stays(admin_client: Client) -> None:
    for note in ("new", "gone"):
        workers.new_join_token(note)
    JoinToken.objects.filter(note="gone").update(used_at=clock.now())

    for row in JoinToken.objects.all():
        admin_client.post(reverse("admin:builders_jointoken_delete", args=[row.pk]), {"post": "yes"})

    assert JoinToken.objects.get().note == "gone"


def test_who_may_not_add_tokens_makes_none(client: Client) -> None:
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_jointoken", "view_worker"]))
    client.force_login(user)

    answer = client.post(reverse(ADD), {"note": "x", "hours": "24"})

    assert answer.status_code == 403
    assert not JoinToken.objects.exists()
    assert "Add a worker" not in client.get(reverse("admin:builders_worker_changelist")).content.decode()
