"""The lists of the backoffice: what each is called, which filters are in force, what is said where there is nothing."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from builders.models import Build
from builders.states import Reason, State
from images.models import ClientToken
from packages.models import Organisation
from tests.factories import make_build

pytestmark = pytest.mark.django_db
BUILDS, ORGANISATIONS = "/admin/builders/build/", "/admin/packages/organisation/"


def chosen(text: str) -> dict[str, str]:
    """The filters above a list, each with the address of the list without it."""
    part = re.search(r'<ul class="list-chosen">(.*?)</ul>', text, re.DOTALL)
    found = re.findall(r'<a href="([^"]*)" title[^>]*>([^<]*)<b>([^<]*)</b>', part[1]) if part else []
    return {f"{title}{value}": url.replace("&amp;", "&") for url, title, value in found}


@pytest.mark.parametrize(
    ("address", "name"),
    [("packages/organisation", "Organisations"), ("auth/user", "People"), ("packages/syncrun", "Syncs")],
)
def test_a_list_is_called_by_what_it_holds(admin_client: Client, address: str, name: str) -> None:
    text = admin_client.get(f"/admin/{address}/").content.decode()

    assert f"<h1>{name}</h1>" in text
    assert re.search(rf'<a href="/admin/{address}/" aria-current="page">\s*{name}\s*</a>', text)


def test_filters_in_force_are_named_and_each_is_taken_back_by_itself(admin_client: Client) -> None:
    make_build(State.FAILED, reason=Reason.CRASH)
    make_build(State.FAILED, reason=Reason.TIMEOUT)
    crash = Reason.CRASH

    first = chosen(admin_client.get(f"{BUILDS}?state=failed&reason={crash}").content.decode())
    without_reason = admin_client.get(f"{BUILDS}{first[f'reason: {crash.label}']}")

    assert list(first) == ["state: failed", f"reason: {crash.label}"]
    assert list(chosen(without_reason.content.decode())) == ["state: failed"]
    assert without_reason.context["cl"].result_count == 2


def test_a_filter_by_another_name_is_taken_back_too(admin_client: Client) -> None:
    make_build(State.FAILED)

    found = chosen(admin_client.get(f"{BUILDS}?state__exact=queued").content.decode())
    without = admin_client.get(f"{BUILDS}{found['state: queued']}")

    assert chosen(without.content.decode()) == {}
    assert without.context["cl"].result_count == Build.objects.count() == 1


def test_an_empty_list_says_what_to_do_and_one_that_was_filtered_says_so(admin_client: Client) -> None:
    empty = admin_client.get(ORGANISATIONS).content.decode()
    Organisation.objects.create(name="meadow")
    filtered = admin_client.get(f"{ORGANISATIONS}?q=hill").content.decode()
    full = admin_client.get(ORGANISATIONS).content.decode()

    assert "Nothing is here yet. Add one to make a distribution or network profiles private to its members." in empty
    assert "Nothing here fits what was searched for or filtered by." in filtered
    assert "list-empty" not in full


# -- the frame ---------------------------------------------------------------------------------------------


def test_pages_say_the_zone_of_their_times(admin_client: Client) -> None:
    build = make_build(State.FAILED)

    text = admin_client.get(f"{BUILDS}{build.pk}/change/").content.decode()

    assert "Times without a zone are in UTC." in text
    assert f"{build.created_at:%Y-%m-%d %H:%M} UTC" in text


def test_where_there_is_nothing_below_the_backoffice_a_link_leads_back(admin_client: Client) -> None:
    way_back = '<a href="/admin/">To the backoffice</a>'

    assert way_back in admin_client.get("/admin/nowhere/").content.decode()
    assert way_back not in admin_client.get("/nowhere/").content.decode()


def test_nobody_is_told_to_add_what_they_may_not(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="Viewers"))
    client.force_login(viewer)

    text = client.get("/admin/packages/networkprofile/").content.decode()

    assert "Nothing is here yet." in text and "Add one" not in text


def test_a_moment_and_what_is_changed_in_a_list_say_what_they_are_to_screen_readers(admin_client: Client) -> None:
    ClientToken.objects.create(name="robot", token_hash="0" * 64)

    form = admin_client.get("/admin/stats/incident/add/").content.decode()
    tokens = admin_client.get("/admin/images/clienttoken/").content.decode()

    assert 'aria-label="Started at: date"' in form and 'aria-label="Started at: time"' in form
    assert re.search(r'<input type="checkbox" name="form-0-is_enabled"[^>]*aria-label="Enabled"', tokens)
