"""Distributions have aliases; LibreMesh's devices call it LiMe."""

from typing import Any

from django.db import migrations, models

SHIPPED = {"libremesh": ["lime"]}


def add_shipped(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("packages", "Distribution").objects
    for name, aliases in SHIPPED.items():
        rows.filter(name=name, aliases=[]).update(aliases=aliases)


class Migration(migrations.Migration):
    dependencies = [
        ("packages", "0006_repositories"),
    ]

    operations = [
        migrations.AddField(
            model_name="distribution",
            name="aliases",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text='Other names that devices and clients know it by, e.g. ["lime"]; upper and lower case are the '
                "same.",
            ),
        ),
        migrations.RunPython(add_shipped, migrations.RunPython.noop),
    ]
