"""Comparing an image with another, and with a release."""

import re
from typing import Any

import pytest
from django.test import Client

from images.models import Image, ImageRequest
from packages import generation
from packages.models import Distribution, Organisation, Package, Profile
from tests.images.factories import make_target
from tests.images.publications import make_image, published

pytestmark = pytest.mark.django_db


def compare(client: Client, a: str, b: str) -> str:
    answer = client.get("/compare/", {"a": a, "b": b})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def image_of_catalogue(client: Client, manifest: dict[str, str], **changes: Any) -> Image:
    image = published(client, **changes)
    Image.objects.filter(pk=image.pk).update(manifest=manifest)
    return image


def test_without_input_there_is_a_form(client: Client) -> None:
    assert "Now name the other one" not in compare(client, "", "")
    assert "Now name the other one" in compare(client, "24.10.2", "")


def test_an_image_is_compared_with_another_by_hash_and_by_the_address_of_its_page(client: Client) -> None:
    make_target()
    one = image_of_catalogue(client, {"vim": "1-r1", "gone": "1", "same": "3"}, packages=["vim"])
    two = image_of_catalogue(client, {"vim": "2-r1", "new": "1", "same": "3"}, packages=["vim", "luci"])

    text = compare(client, one.request.request_hash, f"http://testserver/images/{two.request.request_hash}/")

    assert "vim 1-r1 ↑ newer: 2-r1" in text
    assert re.search(r"1 added new 1", text)
    assert re.search(r"1 gone gone 1", text)
    assert "1 is the same in both" in text
    assert re.search(r"Packages asked for vim (luci vim|vim luci) ", text)  # their order is that of the build


def test_an_image_is_compared_with_what_another_release_puts_on_its_device(client: Client) -> None:
    make_target()
    target = make_target(version="24.10.3", packages={"base-files": "1700", "busybox": "1.37.0-r1", "libc": "1"})
    Package.objects.filter(feed__targets=target, name="busybox").update(depends=["libextra"], size=1024)
    Package.objects.create(
        feed=target.feeds.get(name="core"), name="libextra", full_name="libextra9", version="9", size=2048
    )
    image = image_of_catalogue(client, {"base-files": "1637~d9340319c6", "busybox": "1.36.1-r2", "vim": "9"})

    text = compare(client, image.request.request_hash, "24.10.3")

    assert "openwrt 24.10.3 as it comes" in text
    assert "busybox 1.36.1-r2 ↑ newer: 1.37.0-r1" in text
    assert "libextra9 9 · 2.0 KB" in text  # nobody named it, busybox needs it
    assert "3.0 KB after" in text
    assert "1 gone vim 9" in text


def test_two_releases_need_an_image_for_the_device(client: Client) -> None:
    make_target()

    assert "name an image" in compare(client, "24.10.2", "openwrt 24.10.2")


def test_a_release_without_the_device_says_so(client: Client) -> None:
    make_target()
    other = make_target(version="24.10.3")
    make_target(version="24.10.4", is_complete=False)
    Profile.objects.filter(target=other).delete()
    image = image_of_catalogue(client, {"vim": "9"})

    assert "openwrt 24.10.3 has no " in compare(client, image.request.request_hash, "24.10.3")
    assert "was not read yet" in compare(client, image.request.request_hash, "24.10.4")
    assert "is not on offer" in compare(client, image.request.request_hash, "24.10.99")


ODD = ["\0", "x" * 9000, "../../etc/passwd", "a b c d", "<script>", "\u202e24.10.2", "0" * 64, "/images/zz/", "²", "["]


@pytest.mark.parametrize("word", ODD)
def test_odd_input_gives_the_form_with_a_sentence(client: Client, word: str) -> None:
    image = make_image()

    for a, b in ((word, image.request.request_hash), (image.request.request_hash, word)):
        answer = client.get("/compare/", {"a": a, "b": b})
        assert answer.status_code == 200
        assert "<script>" not in answer.content.decode()
        assert "\u202e" not in answer.content.decode().split("<form")[0]


def test_lone_surrogates_and_lists_give_a_page(client: Client) -> None:
    assert client.get("/compare/?a=%ed%a0%80&b=%ff%fe&a=1&b[]=2").status_code == 200


def test_what_is_private_is_not_there_to_compare_with(client: Client) -> None:
    make_target()
    mine = image_of_catalogue(client, {"vim": "9"})
    make_target(distribution="secretnet", version="24.10.2")
    meadow = Organisation.objects.create(name="meadow")
    secret = image_of_catalogue(client, {"hidden-package": "9"}, packages=["vim"])
    ImageRequest.objects.filter(pk=secret.request_id).update(organisation=meadow)
    Distribution.objects.filter(name="secretnet").update(organisation=meadow)
    generation.bump()

    hidden = compare(client, mine.request.request_hash, secret.request.request_hash)
    unknown = compare(client, mine.request.request_hash, "0" * 64)
    release = compare(client, mine.request.request_hash, "secretnet 24.10.2")
    nobodys = compare(client, mine.request.request_hash, "nobodynet 24.10.2")

    assert "hidden-package" not in hidden
    assert hidden.replace(secret.request.request_hash[:12], "0" * 12) == unknown
    assert release.replace("secretnet", "nobodynet") == nobodys


def test_a_comparison_asks_the_database_few_questions(client: Client, django_assert_max_num_queries: Any) -> None:
    make_target()
    make_target(version="24.10.3")
    image = image_of_catalogue(client, {f"package-{number}": "1" for number in range(300)})
    compare(client, image.request.request_hash, "24.10.3")

    with django_assert_max_num_queries(20):
        compare(client, image.request.request_hash, "24.10.3")
