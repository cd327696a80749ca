"""Whoever wants to check signatures finds the key to pin."""

import pytest
from django.test import Client
from pytest_django import Settings

from packages.signatures import UsignKey, UsignPublicKey

pytestmark = pytest.mark.django_db
KEY = UsignKey.generate("images")


@pytest.mark.parametrize("path", ["/api/v1/signing-key", "/demo/api/v1/signing-key"])
def test_the_public_half_is_there_for_everybody(client: Client, settings: Settings, path: str) -> None:
    settings.ASU_SIGNING_KEY = KEY.secret_text()

    answer = client.get(path)

    assert answer["Content-Type"].startswith("text/plain")
    assert UsignPublicKey.parse(answer.content).fingerprint == KEY.fingerprint
    assert KEY.secret_text().splitlines()[1].encode() not in answer.content


def test_a_server_that_signs_nothing_says_so(client: Client) -> None:
    answer = client.get("/api/v1/signing-key")

    assert (answer.status_code, answer.json()["detail"]) == (404, "This server does not sign its images.")
