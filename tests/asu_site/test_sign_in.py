"""The door of the admin: guessing, names that nobody has, sessions, redirects, and who may send much."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from asu_site.front import Front
from packages import audit, throttle
from packages.models import SignInTrouble

LOGIN, RIGHT = "/admin/login/", "lantern above the bay 3"

pytestmark = pytest.mark.django_db


@pytest.fixture
def keeper() -> User:
    return User.objects.create_superuser("keeper", password=RIGHT)


def knock(name: str = "keeper", password: str = "wrong", address: str = "198.51.100.7", **more: str) -> Any:
    return Client(REMOTE_ADDR=address).post(LOGIN, {"username": name, "password": password, **more})


def said(answer: Any) -> str:
    found = re.search(r'<p class="errornote">\s*(.*?)\s*</p>', answer.content.decode(), re.DOTALL)
    return found[1] if found else ""


def test_after_five_wrong_passwords_one_waits_and_the_right_one_does_not_help(keeper: User) -> None:
    assert all("Please enter the correct" in said(knock()) for _ in range(5))

    for password in ("wrong", RIGHT):
        assert said(knock(password=password)).startswith("Too many attempts. Try again in 5 minutes")
    assert knock(password=RIGHT, address="203.0.113.9").status_code == 302


@pytest.mark.parametrize("name", ["nobody", "keeper ", "KEEPER", "k\u0435eper", "x" * 150])
def test_a_name_that_nobody_has_is_answered_as_one_that_somebody_has(keeper: User, name: str) -> None:
    known = [said(knock()) for _ in range(7)]
    unknown = [said(knock(name)) for _ in range(7)]

    # "keeper " and "KEEPER" are counted as the same account, so they wait from the start.
    assert unknown == known or set(unknown) == {known[-1]}


def test_looking_at_a_password_takes_the_same_steps_for_a_name_that_nobody_has(keeper: User) -> None:
    counts = []
    for name in ("keeper", "nobody", "keeper", "nobody"):
        with CaptureQueriesContext(connection) as queries:
            knock(name)
        counts.append(len(queries))

    assert counts[2] == counts[3]


def test_an_account_that_may_not_sign_in_sounds_like_a_wrong_password(keeper: User) -> None:
    User.objects.create_user("reader", password=RIGHT)
    User.objects.create_user("gone", password=RIGHT, is_staff=True, is_active=False)

    assert said(knock("reader", RIGHT)) == said(knock("gone", RIGHT)) == said(knock())
    assert said(knock(audit.nobody(audit.COMMAND_LINE).username, "!")) == said(knock("nobody"))


def test_many_names_from_one_address_are_stopped_and_others_are_not(keeper: User) -> None:
    for number in range(throttle.LIMITS[throttle.Kind.ADDRESS].attempts):
        knock(f"name{number}")

    assert "Try again in 15 minutes" in said(knock("another"))
    assert "Too many" not in said(knock("another", address="203.0.113.9"))


def test_addresses_of_one_ipv6_network_are_one(keeper: User) -> None:
    for number in range(5):
        knock(address=f"2001:db8::{number}")

    assert "Too many" in said(knock(address="2001:db8::ffff"))
    assert "Too many" not in said(knock(address="2001:db8:1::1"))


def test_behind_a_proxy_the_address_is_the_one_that_it_added(keeper: User, settings: Settings) -> None:
    settings.ASU_BEHIND_PROXY = True
    for number in range(6):
        client = Client(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}, 198.51.100.7")
        answer = client.post(LOGIN, {"username": "keeper", "password": "wrong"})

    assert "Too many" in said(answer)


def test_a_proxy_that_writes_ports_makes_no_new_address_of_each_connection(keeper: User, settings: Settings) -> None:
    settings.ASU_BEHIND_PROXY = True
    for number in range(6):
        client = Client(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=f"198.51.100.7:{4000 + number}")
        answer = client.post(LOGIN, {"username": "keeper", "password": "wrong"})

    assert "Too many" in said(answer)


def shut_out(name: str) -> None:
    """As somebody with many addresses does, for as long as they like."""
    for number in range(throttle.LIMITS[throttle.Kind.ACCOUNT].attempts + 1):
        throttle.Attempt.by(name, {"REMOTE_ADDR": f"2001:db8:{number:x}::1"}).begin()


def test_whoever_guesses_from_everywhere_does_not_shut_out_who_signed_in_here_before(keeper: User) -> None:
    mine = Client(REMOTE_ADDR="198.51.100.7")
    mine.post(LOGIN, {"username": "keeper", "password": RIGHT})
    mine.post("/admin/logout/")
    shut_out("keeper")

    assert "Too many" in said(knock(password=RIGHT))
    assert mine.post(LOGIN, {"username": "keeper", "password": RIGHT}).status_code == 302


def test_a_known_browser_may_not_guess_more_than_others_nor_for_other_names(keeper: User) -> None:
    mine = Client(REMOTE_ADDR="198.51.100.7")
    answer = mine.post(LOGIN, {"username": "keeper", "password": RIGHT})
    cookie = answer.cookies["known"]
    mine.post("/admin/logout/")
    shut_out("other")

    assert cookie["httponly"] and cookie["path"] == "/admin/" and "keeper" not in cookie.value
    assert "Too many" in said(mine.post(LOGIN, {"username": "other", "password": "wrong"}))
    answers = [mine.post(LOGIN, {"username": "keeper", "password": "wrong"}) for _ in range(6)]
    assert ["Too many" in said(answer) for answer in answers] == [False] * 5 + [True]


@pytest.mark.parametrize("value", ["", "x", "x" * 5000, "\x00", "WyJhIiwia2VlcGVyIl0:1abcde:forged"])
def test_a_forged_cookie_makes_no_browser_known(keeper: User, value: str) -> None:
    client = Client(REMOTE_ADDR="198.51.100.7")
    client.cookies["known"] = value
    shut_out("keeper")

    assert "Too many" in said(client.post(LOGIN, {"username": "keeper", "password": RIGHT}))


def test_who_signs_in_has_nothing_counted_against_the_account(keeper: User) -> None:
    for _ in range(3):
        assert all("Please enter" in said(knock()) for _ in range(4))
        assert knock(password=RIGHT).status_code == 302


def test_the_pause_ends_by_itself_and_by_an_operator(keeper: User, admin_client: Client) -> None:
    for _ in range(6):
        knock()
    assert "Blocked sign-ins" in admin_client.get("/admin/").content.decode()
    row = SignInTrouble.objects.get(blocked_until__isnull=False)
    assert str(row) == "keeper"

    admin_client.post("/admin/packages/signintrouble/", {"action": "lift", "_selected_action": [row.pk]})
    assert knock(password=RIGHT).status_code == 302
    assert LogEntry.objects.filter(change_message="Lifted: may try again.").exists()

    for _ in range(6):
        knock()
    SignInTrouble.objects.update(blocked_until=timezone.now() - timedelta(seconds=1))
    assert "Please enter" in said(knock())


def test_neither_names_nor_addresses_are_kept(keeper: User) -> None:
    for _ in range(6):
        knock("my-password-by-mistake")

    kept = f"{list(SignInTrouble.objects.values())} {list(LogEntry.objects.values())} {list(User.objects.values())}"
    assert "my-password" not in kept and "198.51" not in kept
    assert LogEntry.objects.filter(action_flag=audit.FAILED, user__username=audit.UNKNOWN).count() == 5
    assert LogEntry.objects.filter(action_flag=audit.BLOCKED).count() == 1


def test_coming_going_and_failing_are_in_the_audit(keeper: User) -> None:
    client = Client()
    knock()
    client.post(LOGIN, {"username": "keeper", "password": RIGHT})
    client.post("/admin/logout/")

    flags = LogEntry.objects.filter(user=keeper).order_by("pk").values_list("action_flag", flat=True)
    assert list(flags) == [audit.FAILED, audit.SIGNED_IN, audit.SIGNED_OUT]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_no_more_tries_than_one_after_the_other(keeper: User) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    def attempt(_: int) -> bool:
        try:
            return throttle.Attempt.by("keeper", {"REMOTE_ADDR": "198.51.100.7"}).begin() is None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        let_in = list(pool.map(attempt, range(24)))

    assert sum(let_in) <= throttle.LIMITS[throttle.Kind.PAIR].attempts


# -- where it leads, and what a session is ------------------------------------------------------------------


@pytest.mark.parametrize(
    "evil",
    [
        *("//evil.example", "https://evil.example/", "\\\\evil.example", "/\\evil.example", "javascript:alert(1)"),
        *("///evil.example", "http:evil.example", "\x00//evil.example", " //evil.example", "%2f%2fevil.example"),
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(keeper: User, evil: str) -> None:
    answer = knock(password=RIGHT, next=evil)
    place = answer["Location"]

    assert answer.status_code == 302
    assert (
        place == "/accounts/profile/"
        or (place.startswith("/") and not place.startswith(("//", "/\\")))
        or place == evil
    )
    assert "evil.example" not in place or not re.match(r"^\s*(?:[a-z]+:|[/\\]{2})", place)
    there = Client()
    there.force_login(keeper)
    assert not there.get(LOGIN, {"next": evil})["Location"].startswith(("//", "http", "\\", "java"))


def test_cookies_and_frames(keeper: User) -> None:
    client = Client()
    answer = client.post(LOGIN, {"username": "keeper", "password": RIGHT})
    cookie = client.cookies["sessionid"]

    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["max-age"] == 8 * 3600
    assert client.get("/admin/")["X-Frame-Options"] == answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in client.get("/admin/")["Content-Security-Policy"]


def test_every_sending_needs_a_token_of_the_form(keeper: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(keeper)

    for place in (LOGIN, "/admin/logout/", "/admin/auth/user/add/", "/admin/builders/worker/1/press/", "/admin/"):
        assert client.post(place, {"username": "keeper"}).status_code == 403, place
    assert client.post(f"/admin/auth/user/{keeper.pk}/link/").status_code == 403
    assert client.post("/admin/packages/distribution/", {"action": "sync_now"}).status_code == 403


def test_a_page_that_refreshes_itself_keeps_no_session_alive(keeper: User) -> None:
    client = Client()
    client.force_login(keeper)
    client.get("/admin/")
    assert "sessionid" not in client.get("/admin/today/live/").cookies
    session = client.session
    session["seen"] = session["seen"] - 700
    session.save()

    assert "sessionid" not in client.get("/admin/today/live/").cookies
    assert client.get("/admin/").cookies["sessionid"]["max-age"] == 8 * 3600
    assert "sessionid" not in client.get("/admin/").cookies  # not with every page


# -- accounts ----------------------------------------------------------------------------------------------


def test_an_account_is_made_in_one_step_and_its_password_chosen_by_a_link_once(admin_client: Client) -> None:
    page = admin_client.post("/admin/auth/user/add/", {"username": "wren", "first_name": "Wren", "role": "viewer"})
    link = re.search(r"http://testserver(/admin/welcome/[^<]+)<", page.content.decode())
    assert link
    person = User.objects.get(username="wren")
    assert person.is_staff and not person.is_superuser and not person.has_usable_password()

    visitor = Client()
    form = visitor.get(link[1], follow=True)
    place = form.redirect_chain[-1][0]
    assert "Choose a password" in form.content.decode() and link[1] not in place
    weak = visitor.post(place, {"new_password1": "password1234", "new_password2": "password1234"})
    assert "too common" in weak.content.decode()
    assert visitor.post(place, {"new_password1": RIGHT, "new_password2": RIGHT})["Location"] == LOGIN

    assert "This link is over" in Client().get(link[1], follow=True).content.decode()
    assert visitor.post(LOGIN, {"username": "wren", "password": RIGHT}).status_code == 302
    assert visitor.get("/admin/").status_code == 200
    assert visitor.get("/admin/auth/user/").status_code == 403


def test_the_last_operator_stays_one(admin_client: Client, admin_user: User) -> None:
    page = f"/admin/auth/user/{admin_user.pk}/change/"
    form = {"username": "admin", "role": "viewer", "is_active": "on"}

    assert "last operator" in admin_client.post(page, form).content.decode()
    User.objects.create_superuser("other")
    assert admin_client.post(page, form).status_code == 302
    admin_user.refresh_from_db()
    assert not admin_user.is_superuser


def test_a_maintainer_without_a_distribution_makes_no_sense(admin_client: Client) -> None:
    answer = admin_client.post("/admin/auth/user/add/", {"username": "x", "role": "maintainer"})

    assert "Choose what it looks after" in answer.content.decode()


# -- large bodies ------------------------------------------------------------------------------------------


def send(path: str, size: int, cookie: str = "", *, length: bool = True) -> int:
    status: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(b"x" * size),
        "CONTENT_TYPE": "text/plain",
        "HTTP_COOKIE": cookie,
        **({"CONTENT_LENGTH": str(size)} if length else {"wsgi.input_terminated": True}),
    }
    list(Front(WSGIHandler())(environ, lambda line, headers: status.append(line)))
    return int(status[0].split()[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("length", [True, False])
def test_who_is_signed_in_may_send_more_in_the_admin_and_strangers_may_not(
    keeper: User, settings: Settings, length: bool
) -> None:
    client = Client()
    client.force_login(keeper)
    mine = f"sessionid={client.cookies['sessionid'].value}"
    large, too_large = settings.ASU_MAX_BODY + 1, settings.ASU_ADMIN_MAX_BODY + 1

    assert send("/admin/packages/networkprofile/add/", large, mine, length=length) == 403  # for want of a form's token
    assert send("/admin/packages/networkprofile/add/", too_large, mine, length=length) == 413
    for cookie in ("", "sessionid=made-up", "sessionid=" + "x" * 5000, "\x00"):
        assert send("/admin/packages/networkprofile/add/", large, cookie, length=length) == 413
    assert send("/api/v1/build", large, mine, length=length) == 413
    client.logout()
    assert send("/admin/packages/networkprofile/add/", large, mine, length=length) == 413
