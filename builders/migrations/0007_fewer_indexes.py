"""Without the indexes that no question is answered by, or that another one begins with: each write pays for each."""

import django.db.models.deletion
from django.db import migrations, models

from packages.lists.columns import drop_own_index


class Migration(migrations.Migration):
    dependencies = [("builders", "0006_list_indexes")]

    operations = [
        migrations.RemoveIndex(model_name="attempt", name="attempt_by_worker"),
        drop_own_index(
            *("builders_attempt", "attempt", "build"),
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="attempt_set",
                to="builders.build",
            ),
        ),
        drop_own_index(
            *("builders_build", "build", "worker"),
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="builds",
                to="builders.worker",
            ),
        ),
    ]
