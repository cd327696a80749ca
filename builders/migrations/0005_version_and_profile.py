"""What lists are searched by, out of the spec into columns; for old builds too, some at a time."""

from django.db import migrations, models

from packages.lists.columns import add_column, in_batches

_SQLITE = """
UPDATE builders_build SET version = substr(coalesce(json_extract(spec, '$.version'), ''), 1, 64),
       profile = substr(coalesce(json_extract(spec, '$.profile'), ''), 1, 128)
 WHERE id BETWEEN %s AND %s"""
_POSTGRESQL = """
UPDATE builders_build SET version = left(coalesce(spec ->> 'version', ''), 64),
       profile = left(coalesce(spec ->> 'profile', ''), 128)
 WHERE id BETWEEN %s AND %s"""


class Migration(migrations.Migration):
    atomic = False  # each batch by itself

    dependencies = [("builders", "0004_reasons")]

    operations = [
        add_column(
            *("builders_build", "build", "version"),
            models.CharField(blank=True, max_length=64),
            "varchar(64) NOT NULL DEFAULT ''",
        ),
        add_column(
            *("builders_build", "build", "profile"),
            models.CharField(blank=True, max_length=128),
            "varchar(128) NOT NULL DEFAULT ''",
        ),
        migrations.RunPython(in_batches(_SQLITE, _POSTGRESQL, "builders_build"), migrations.RunPython.noop),
    ]
