"""Images from before the classic API get the hash of their manifest."""

from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client

from images.fingerprint import of_manifest
from images.models import Image
from tests.images.factories import make_target
from tests.images.publications import published


@pytest.mark.django_db
def test_old_images_are_found_by_their_manifest_too(client: Client) -> None:
    make_target()
    image = published(client)
    Image.objects.update(manifest={**image.manifest, "vim": "9.1-r1\u00e9"}, manifest_hash="")

    import_module("images.migrations.0004_classic").name_manifests(apps, None)

    image.refresh_from_db()
    assert image.manifest_hash == of_manifest(image.manifest)
    assert client.get(f"/api/manifest/{image.manifest_hash}").json() == image.manifest
