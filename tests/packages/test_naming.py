"""Distributions are found by name and alias, however they are written, and no name stands for two."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from packages.models import Distribution
from packages.naming import is_base, named
from packages.registry import RegistrationError, add_distribution

pytestmark = pytest.mark.django_db

URL = "https://downloads.example.org"


def make(name: str, **fields: object) -> Distribution:
    row = Distribution(name=name, url=URL, **fields)
    row.full_clean()
    row.save()
    return row


@pytest.mark.parametrize("text", ["lime", "LiMe", "LIME", "libremesh", "LibreMesh"])
def test_case_and_alias_do_not_matter(text: str) -> None:
    make("libremesh", aliases=["LiMe"])

    assert named(text) == "libremesh"


@pytest.mark.parametrize("text", ["", "lim", "lime\n", "li\u212ae", "\uff4clime", "lime\x00", "x" * 5000, "\ud800"])
def test_what_is_no_name_finds_nothing(text: str) -> None:
    make("libremesh", aliases=["lime"])

    assert named(text) == ""


def test_a_disabled_distribution_has_no_names() -> None:
    make("libremesh", aliases=["lime"], is_enabled=False)

    assert named("lime") == named("libremesh") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("openwrt", True),
        ("OpenWrt", True),
        ("WRT", True),
        ("lime", False),
        ("lede", False),
        ("", False),
        ("\u212a", False),
    ],
)
def test_a_flavour_knows_its_base_by_all_its_names(text: str, expected: bool) -> None:
    base = make("openwrt", aliases=["wrt"])
    make("lede")
    make("lime", built_on=base)

    assert is_base(text, "lime") is expected
    assert not is_base(text, "openwrt")


@pytest.mark.parametrize("aliases", [["LEDE"], ["older"], "lime", {"lime": 1}, [5], ["$(id)"], [""], ["x" * 40]])
def test_wrong_aliases_are_refused(aliases: object) -> None:
    make("lede", aliases=["older"])

    with pytest.raises(ValidationError):
        make("other", aliases=aliases)


def test_a_name_that_is_an_alias_is_refused() -> None:
    make("libremesh", aliases=["lime"])

    with pytest.raises(ValidationError, match="alias of libremesh"):
        make("lime")


def test_the_shipped_definition_brings_its_alias() -> None:
    add_distribution("libremesh")

    assert named("LiMe") == "libremesh"


def test_a_distribution_cannot_be_added_over_an_alias() -> None:
    add_distribution("libremesh")

    with pytest.raises((RegistrationError, ValidationError)):
        add_distribution("lime", url=URL)


def test_a_field_left_empty_is_no_alias() -> None:
    assert make("lede", aliases=None).aliases == []


def test_aliases_are_edited_in_the_admin(admin_client: Client) -> None:
    row = make("libremesh")
    page = reverse("admin:packages_distribution_change", args=[row.pk])
    inlines = re.findall(r'name="(\w+)-TOTAL_FORMS"', admin_client.get(page).content.decode())
    forms = {f"{name}-{kind}_FORMS": 0 for name in inlines for kind in ("TOTAL", "INITIAL")}
    values = {"name": "libremesh", "url": URL, "is_enabled": "on", **forms}

    answers = [admin_client.post(page, {**values, "aliases": text}) for text in ('["LiMe"]', '"LiMe"', "")]

    assert [answer.status_code for answer in answers] == [302, 200, 302]
    assert "Write a list of names" in answers[1].content.decode()
    assert Distribution.objects.get().aliases == []
