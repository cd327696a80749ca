"""A client may be known by a token instead of its address; who sends none, or none that counts, loses nothing."""

import io
import json
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from builders import tokens
from builders.models import Build
from images import client_tokens, clients, intake
from images.api import hot
from images.models import ClientToken, ImageRequest
from packages import generation
from tests.images.factories import ask, make_target, wish

pytestmark = pytest.mark.django_db

HERE, THERE = "198.51.100.7", "203.0.113.9"
ADD = "admin:images_clienttoken_add"
LIST = "admin:images_clienttoken_changelist"


def caller(token: str = "", address: str = HERE) -> Client:
    headers: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
    return Client(REMOTE_ADDR=address, **headers)


def of(authorization: str | None = None, address: str = HERE) -> clients.Client:
    environ = {"REMOTE_ADDR": address}
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization
    return clients.of(environ)


def by(token: str, address: str = HERE) -> clients.Client:
    return of(f"Bearer {token}", address)


def made(**options: Any) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command("client_token", options.pop("name", "Meadow Net"), stdout=out, **options)
    return out.getvalue().strip()


# -- who it is ---------------------------------------------------------------------------------------------------


def test_a_token_is_the_same_client_from_any_address_and_no_address_is_that_client() -> None:
    token = made()

    assert by(token, HERE) == by(token, THERE)
    assert by(token).key not in {of().key, of(address=str(ClientToken.objects.get().pk)).key, ""}
    assert len(by(token).key) <= 32  # what Build.client takes


def test_two_tokens_at_one_address_are_two_clients() -> None:
    assert by(made(name="Meadow Net")).key != by(made(name="Hill Net")).key


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_the_word_before_the_token_is_read_as_http_has_it(word: str) -> None:
    token = made()

    assert of(f"{word}  {token} ") == by(token)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer asu-client-",
        "Bearer asu-client-invented-by-somebody-who-likes-builds",
        "Bearer asu-client-\xe9\xff\0",
        "Bearer asu-worker-0123456789",
        "Basic asu-client-x",
        "asu-client-x",
        "Bearer " + "asu-client-" * 5000,
    ],
)
def test_what_is_no_token_of_ours_is_ignored(authorization: str) -> None:
    assert of(authorization) == of()
    assert of(authorization, "127.0.0.1").is_trusted


def test_a_trusted_token_has_no_limit_and_another_takes_no_trust_from_an_address() -> None:
    plain, trusted = made(name="Meadow Net"), made(name="Hill Net", trusted=True)

    assert by(trusted).is_trusted
    assert not by(plain).is_trusted
    assert by(plain, "127.0.0.1").is_trusted


# -- what it is good for -----------------------------------------------------------------------------------------


def test_behind_one_address_each_token_has_its_own_limit(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    make_target()
    meadow, hill = caller(made(name="Meadow Net")), caller(made(name="Hill Net"))

    codes = [ask(who, defaults=f"echo {number}").status_code for number, who in enumerate((caller(), meadow, hill))]
    refusal = ask(meadow, defaults="echo more")

    assert codes == [202, 202, 202]
    assert refusal.status_code == 429 and "this client has asked for 1 new images" in refusal.json()["detail"]


def test_many_addresses_of_one_token_share_its_limit(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    make_target()
    token = made()

    assert ask(caller(token, HERE)).status_code == 202
    assert ask(caller(token, THERE), defaults="echo more").status_code == 429


def test_inventing_tokens_opens_no_further_builds(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    make_target()
    invented = [caller(f"asu-client-invented-{number}") for number in range(3)]

    assert [ask(who, defaults=f"echo {at}").status_code for at, who in enumerate(invented)] == [202, 429, 429]


def test_a_trusted_token_may_ask_for_as_much_as_it_likes(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    make_target()
    trusted = caller(made(trusted=True))

    assert [ask(trusted, defaults=f"echo {number}").status_code for number in range(3)] == [202] * 3


@pytest.mark.django_db(transaction=True)  # it looks after connections as Django does before each request
def test_the_short_way_before_django_knows_tokens_too() -> None:
    make_target()
    token = made()
    environ = {
        "PATH_INFO": "/api/v1/build",
        "REMOTE_ADDR": HERE,
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.input": io.BytesIO(json.dumps(wish()).encode()),
    }

    answered = hot.answer(environ)
    intake.close()

    assert answered is not None and answered[0] == 202
    assert Build.objects.get().client == ImageRequest.objects.get().asker == by(token).key


def test_what_a_token_asked_for_it_cancels_from_anywhere_and_its_address_without_it_does_not() -> None:
    make_target()
    token = made()
    address = f"/api/v1/build/{ask(caller(token, HERE)).json()['request_hash']}"

    codes = [
        caller("", HERE).post(f"{address}/cancel").status_code,
        caller(token, THERE).post(f"{address}/cancel").status_code,
    ]

    assert codes == [403, 410]


def test_a_retry_is_counted_for_the_token() -> None:
    make_target()
    token = made()
    address = f"/api/v1/build/{ask(caller()).json()['request_hash']}"
    caller().post(f"{address}/cancel")

    assert caller(token, THERE).post(f"{address}/retry").status_code == 202
    assert Build.objects.get().client == by(token).key


def test_a_page_may_send_a_token_from_another_site(client: Client) -> None:
    answer = client.options("/api/v1/build", headers={"Access-Control-Request-Headers": "authorization, content-type"})

    assert answer["Access-Control-Allow-Headers"] == "authorization, content-type"


# -- what it costs -----------------------------------------------------------------------------------------------


def test_who_sends_no_token_costs_no_look_up() -> None:
    with CaptureQueriesContext(connection) as queries:
        for authorization in (None, "", "Basic eDp5", "Bearer asu-worker-x"):
            of(authorization)

    assert len(queries) == 0


def test_a_known_token_is_looked_up_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    token = made()
    by(token)

    with CaptureQueriesContext(connection) as at_once:
        by(token)
    monkeypatch.setattr(client_tokens, "REMEMBERED_SECONDS", -1.0)
    generation.bump()
    by(token)
    with CaptureQueriesContext(connection) as later:
        by(token)

    assert (len(at_once), len(later)) == (0, 1)


def test_invented_tokens_are_not_remembered_and_known_ones_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_tokens, "MOST_REMEMBERED", 3)
    client_tokens._remembered.clear()
    for number in range(5):
        by(f"asu-client-invented-{number}")
    assert not client_tokens._remembered

    known = [made(name=f"net {number}") for number in range(5)]

    assert len({by(token).key for token in known}) == 5
    assert len(client_tokens._remembered) <= 3


def test_the_last_use_is_noted_to_the_hour() -> None:
    token = made()
    by(token)
    first = ClientToken.objects.get().last_used_at
    assert first is not None and timezone.now() - first < timedelta(minutes=1)

    for age, is_noted in ((59, False), (61, True)):
        ClientToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=age))
        generation.bump()
        by(token)
        last = ClientToken.objects.get().last_used_at
        assert last is not None and (timezone.now() - last < timedelta(minutes=1)) is is_noted


# -- the command -------------------------------------------------------------------------------------------------


def test_the_command_prints_a_token_of_which_only_the_sum_is_kept() -> None:
    token = made(trusted=True)

    row = ClientToken.objects.get()
    assert re.fullmatch(r"asu-client-[A-Za-z0-9_-]{43}", token)
    assert (row.name, row.token_hash, row.is_trusted) == ("Meadow Net", tokens.digest(token), True)


def test_made_again_the_former_token_ends_at_once_and_the_client_stays_the_same(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    former = made()
    key = by(former).key

    with django_capture_on_commit_callbacks(execute=True):
        token = made()

    assert by(former) == of()
    assert by(token).key == key


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 81, "half \udcff"])
def test_a_name_that_is_none_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(CommandError, match="one line of at most 80 characters"):
        made(name=name)

    assert not ClientToken.objects.exists()


# -- the admin ---------------------------------------------------------------------------------------------------


def test_a_token_is_told_once(admin_client: Client) -> None:
    answer = admin_client.post(reverse(ADD), {"name": "Meadow <Net>"})

    page = answer.content.decode()
    found = re.search(r"Authorization: Bearer (asu-client-[A-Za-z0-9_-]+)", page)
    assert found and "Meadow &lt;Net&gt;" in page
    assert "no-store" in answer["Cache-Control"]
    row = ClientToken.objects.get()
    assert (row.token_hash, row.is_trusted, row.is_enabled) == (tokens.digest(found[1]), False, True)
    assert by(found[1]).key != of().key
    elsewhere = [reverse(LIST), reverse("admin:images_clienttoken_change", args=[row.pk])]
    for shown in [*(admin_client.get(url).content.decode() for url in elsewhere), str(LogEntry.objects.values())]:
        assert "Meadow" in shown
        assert found[1] not in shown and row.token_hash not in shown


def test_a_name_is_given_once(admin_client: Client) -> None:
    token = made()

    page = admin_client.post(reverse(ADD), {"name": "Meadow Net"}).content.decode()

    assert "already exists" in page
    assert ClientToken.objects.get().token_hash == tokens.digest(token)


def change(admin_client: Client, **values: str) -> None:
    url = reverse("admin:images_clienttoken_change", args=[ClientToken.objects.get().pk])
    assert admin_client.post(url, {"name": "Meadow Net", **values}).status_code == 302


def switch_in_list(admin_client: Client) -> None:
    row = {"form-0-id": str(ClientToken.objects.get().pk)}  # an unticked box is not sent
    answer = admin_client.post(
        reverse(LIST), {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "_save": "Save", **row}
    )
    assert answer.status_code == 302


def delete(admin_client: Client) -> None:
    url = reverse("admin:images_clienttoken_delete", args=[ClientToken.objects.get().pk])
    assert admin_client.post(url, {"post": "yes"}).status_code == 302


@pytest.mark.parametrize("end", [change, switch_in_list, delete], ids=lambda end: str(end.__name__))
def test_a_token_that_is_disabled_or_deleted_counts_no_more_from_that_moment(
    end: Any, admin_client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    token = made(trusted=True)
    assert by(token) != of()

    with django_capture_on_commit_callbacks(execute=True):
        end(admin_client)

    assert by(token) == of()


def test_enabled_again_it_is_the_client_that_it_was(
    admin_client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    token = made()
    before = by(token)
    for values in ({}, {"is_enabled": "on"}):
        with django_capture_on_commit_callbacks(execute=True):
            change(admin_client, **values)

    assert by(token) == before


def test_who_may_only_look_makes_and_changes_none(client: Client) -> None:
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_clienttoken"))
    client.force_login(user)
    made()
    switched = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "_save": "Save"}

    client.post(reverse(LIST), {**switched, "form-0-id": str(ClientToken.objects.get().pk)})

    assert client.post(reverse(ADD), {"name": "Hill Net"}).status_code == 403
    assert ClientToken.objects.get().is_enabled


def test_tokens_are_in_no_answer_page_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    make_target()
    token = made()
    who = caller(token)

    posted = ask(who)
    refused = ask(who, profile="no-such-device")
    request_hash = posted.json()["request_hash"]
    told = [posted, refused, *(who.get(url) for url in (f"/api/v1/build/{request_hash}", f"/images/{request_hash}/"))]

    assert [answer.status_code for answer in told] == [202, 400, 202, 200]
    everything = "".join(f"{answer.headers}{answer.content.decode()}" for answer in told) + caplog.text
    assert token not in everything and tokens.digest(token) not in everything
