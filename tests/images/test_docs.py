"""The pages for people who want to know more: about the server, and its API with examples that work."""

import html
import json
import re

import pytest
from django.test import Client
from pytest_django import Settings

from images.models import ClientToken
from packages import generation
from packages.models import Distribution, Organisation
from tests.images.factories import DEVICE, make_target

pytestmark = pytest.mark.django_db


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_example_of_the_docs_is_a_wish_that_is_taken(client: Client, settings: Settings) -> None:
    settings.ASU_PREPARE_WAIT = 0
    make_target()
    text = html.unescape(text_of(client, "/docs/"))
    found = re.search(r'<pre id="ask".*?-d \'(\{.*?\n\})\'', text, re.DOTALL)
    assert found is not None

    answer = client.post("/api/v1/build", found[1], content_type="application/json")

    assert answer.status_code == 202, answer.content
    assert json.loads(found[1])["profile"] == DEVICE["name"]


def test_each_distribution_has_its_own_examples(client: Client) -> None:
    make_target()
    make_target("hill/small", "1.0.0", distribution="meadow")

    text = text_of(client, "/meadow/docs/")

    assert "http://testserver/meadow/api/v1/build -d" in text
    assert "hill/small" in text
    assert 'href="/openwrt/docs/"' in text


def test_a_private_distribution_has_the_docs_of_a_name_that_nobody_has(client: Client) -> None:
    make_target("veiled/place", distribution="secretnet")
    Distribution.objects.update(organisation=Organisation.objects.create(name="meadow"))
    generation.bump()

    secret, nobody = text_of(client, "/secretnet/docs/"), text_of(client, "/nobodynet/docs/")

    assert secret.replace("secretnet", "nobodynet") == nobody
    assert "veiled" not in secret
    assert ClientToken.objects.count() == 0


def test_commands_can_be_copied_and_read_without_scripts(client: Client) -> None:
    for path in ("/docs/", "/about/"):
        text = text_of(client, path)
        for name in re.findall(r'data-copy-from="([^"]+)"', text):
            assert f'<pre id="{name}" tabindex="0"' in text
        assert all("hidden" in button for button in re.findall(r"<button[^>]*data-copy-from[^>]*>", text))


def test_about_tells_the_limits_that_hold_here(client: Client, settings: Settings) -> None:
    settings.ASU_MAX_PACKAGES = 1
    settings.ASU_MAX_DEFAULTS_LENGTH = 4096
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 0
    settings.ASU_MAX_WAIT_MINUTES = 0
    settings.ASU_IMAGE_TTL_DAYS = 12
    settings.ASU_CONTACT = "noc@example.org <script>"

    text = text_of(client, "/about/").replace("\xa0", " ")

    for words in ("1 in one request", "4.0 KB", "as many as you like", "nobody is turned away", "12 days after"):
        assert words in text
    assert "noc@example.org &lt;script&gt;" in text


def test_about_says_whether_images_are_signed(client: Client, settings: Settings) -> None:
    from packages.signatures import UsignKey

    assert "signs no images at present" in text_of(client, "/about/")

    settings.ASU_SIGNING_KEY = UsignKey.generate().secret_text()

    assert "/api/v1/signing-key" in text_of(client, "/about/")


@pytest.mark.parametrize("path", ["/about/", "/docs/"])
def test_only_reading_is_possible(client: Client, path: str) -> None:
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405
    assert "style=" not in text_of(client, path)
