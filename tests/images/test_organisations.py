"""Organisations, and the tokens that open what is theirs."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from images import client_tokens, clients
from images.models import ClientToken
from packages import generation
from packages.models import Distribution, Organisation
from packages.visibility import PUBLIC, Viewer

pytestmark = pytest.mark.django_db


def made(name: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("client_token", name, stdout=out, **options)
    return out.getvalue().strip()


def seen_by(token: str) -> Viewer:
    return clients.of({"REMOTE_ADDR": "198.51.100.7", "HTTP_AUTHORIZATION": f"Bearer {token}"}).viewer


@pytest.fixture
def meadow() -> Organisation:
    return Organisation.objects.create(name="meadow", title="Meadow Net")


def test_a_token_opens_what_is_its_organisations(meadow: Organisation) -> None:
    token = made("A", organisation="meadow")

    assert seen_by(token) == clients.viewer({"HTTP_AUTHORIZATION": f"Bearer {token}"}) == Viewer(meadow.pk)
    assert seen_by(made("B")) == seen_by("asu-client-invented") == PUBLIC


def test_made_anew_without_the_organisation_it_opens_nothing(meadow: Organisation) -> None:
    made("A", organisation="meadow")

    assert seen_by(made("A")) == PUBLIC


def test_disabled_it_opens_nothing_any_more(meadow: Organisation) -> None:
    token = made("A", organisation="meadow")
    assert seen_by(token) == Viewer(meadow.pk)

    ClientToken.objects.update(is_enabled=False)
    generation.bump()

    assert seen_by(token) == PUBLIC


def test_no_token_is_made_for_an_organisation_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="There is no organisation 'nobody'"):
        made("A", organisation="nobody")
    assert not ClientToken.objects.exists()


def test_the_admin_shows_an_organisation_with_its_tokens(meadow: Organisation, admin_client: Client) -> None:
    client_tokens.issue("Meadow's router", organisation=meadow)
    client_tokens.issue("Of others")

    lists = admin_client.get(reverse("admin:packages_organisation_changelist")).content.decode()
    page = admin_client.get(reverse("admin:packages_organisation_change", args=[meadow.pk])).content.decode()

    assert "Meadow Net" in lists
    assert "Meadow&#x27;s router" in page and "Of others" not in page


def test_a_token_that_is_made_in_the_admin_may_be_an_organisations(meadow: Organisation, admin_client: Client) -> None:
    answer = admin_client.post(
        reverse("admin:images_clienttoken_add"), {"name": "Meadow", "organisation": meadow.pk}
    ).content.decode()

    token = answer.partition("Bearer ")[2].partition("<")[0].strip()
    assert seen_by(token) == Viewer(meadow.pk) and "private to meadow" in answer


@pytest.mark.parametrize("name", ["", "Meadow", "a b", "../x", "x" * 33])
def test_a_name_that_is_none_is_refused_with_a_sentence(admin_client: Client, name: str) -> None:
    answer = admin_client.post(
        reverse("admin:packages_organisation_add"),
        {"name": name, "client_tokens-TOTAL_FORMS": 0, "client_tokens-INITIAL_FORMS": 0},
    )

    assert answer.status_code == 200 and "errorlist" in answer.content.decode()
    assert not Organisation.objects.exists()


def test_made_private_in_the_admin_a_distribution_is_gone_for_others_at_once(
    meadow: Organisation, admin_client: Client, client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    row = Distribution.objects.create(name="openwrt", url="https://x.example.org", title="OpenWrt")
    assert client.get("/openwrt/api/v1/overview").status_code == 200
    url = reverse("admin:packages_distribution_change", args=[row.pk])
    inlines = [each.formset.prefix for each in admin_client.get(url).context["inline_admin_formsets"]]
    empty = {f"{name}-{kind}_FORMS": 0 for name in inlines for kind in ("TOTAL", "INITIAL")}
    form = {"name": "openwrt", "url": row.url, "is_enabled": "on", "organisation": meadow.pk, **empty}

    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(url, form)

    assert answer.status_code == 302, answer.content.decode()
    assert client.get("/openwrt/api/v1/overview").status_code == 404
    assert "OpenWrt" not in client.get("/").content.decode()
