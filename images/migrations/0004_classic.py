"""What clients of 2017 to 2019 ask of images: their MD5, and the hash of their manifest."""

import hashlib
import json
from typing import Any

from django.db import migrations, models


def name_manifests(apps: Any, schema_editor: Any) -> None:
    images = apps.get_model("images", "Image").objects
    for pk, manifest in images.values_list("pk", "manifest").iterator(chunk_size=200):
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        images.filter(pk=pk).update(manifest_hash=hashlib.sha256(text.encode("ascii")).hexdigest())


class Migration(migrations.Migration):
    dependencies = [("images", "0003_organisations")]

    operations = [
        migrations.AddField(
            model_name="image",
            name="manifest_hash",
            field=models.CharField(blank=True, db_index=True, help_text="names its packages", max_length=64, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="imagefile",
            name="md5",
            field=models.CharField(
                blank=True, default="", help_text="for clients of 2017; empty until one asks", max_length=32
            ),
            preserve_default=False,
        ),
        migrations.RunPython(name_manifests, migrations.RunPython.noop),
    ]
