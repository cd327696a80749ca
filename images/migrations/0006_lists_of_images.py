"""The list of images finds devices and releases by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("images", "0004_classic")]

    operations = [
        migrations.AddIndex(
            model_name="imagerequest",
            index=models.Index(fields=["profile", "target", "id"], name="request_device"),
        ),
        migrations.AddIndex(
            model_name="imagerequest",
            index=models.Index(fields=["distribution", "version", "id"], name="request_release"),
        ),
    ]
