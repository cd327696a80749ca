"""`request_status` answers what the partial index did, which SQLite never used: it does not see what is bound."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("images", "0006_lists_of_images")]

    operations = [migrations.RemoveIndex(model_name="imagerequest", name="request_preparing")]
