"""The list of images finds devices and releases by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("images", "0005_pins_and_download_counts")]

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
