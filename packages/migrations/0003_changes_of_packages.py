"""Changes of packages belong to a distribution, have a kind, and lists on both sides."""

import django.db.models.deletion
from django.db import migrations, models


def copy(apps, schema_editor):
    """The same change was kept for each channel that has it."""
    Old = apps.get_model("packages", "OldPackageChange")
    New = apps.get_model("packages", "PackageChange")
    found = {}
    for row in Old.objects.select_related("channel").order_by("revision", "id"):
        key = (row.channel.distribution_id, row.source, row.target, row.revision)
        found[key] = found.get(key, False) or row.is_mandatory
    New.objects.bulk_create(
        New(
            distribution_id=distribution,
            kind="added" if not source else "renamed" if target else "dropped",
            sources=[source] if source else [],
            targets=[target] if target else [],
            revision=revision,
            is_mandatory=is_mandatory,
        )
        for (distribution, source, target, revision), is_mandatory in found.items()
        if source or target
    )


def copy_back(apps, schema_editor):
    """One row for each channel, and each pair of names; what has no revision cannot be told."""
    Old = apps.get_model("packages", "OldPackageChange")
    New = apps.get_model("packages", "PackageChange")
    Channel = apps.get_model("packages", "Channel")
    for row in New.objects.exclude(revision=None).exclude(kind="default"):
        for channel in Channel.objects.filter(distribution=row.distribution_id):
            if channel.branch_off_rev is not None and row.revision > channel.branch_off_rev:
                continue
            Old.objects.bulk_create(
                Old(
                    channel=channel,
                    source=source,
                    target=row.targets[0] if row.targets else "",
                    revision=row.revision,
                    is_mandatory=row.is_mandatory,
                )
                for source in row.sources or [""]
            )


class Migration(migrations.Migration):
    dependencies = [("packages", "0002_extra_feeds")]

    operations = [
        # A new table beside the old one: PostgreSQL does not alter a table with rows that were written just now.
        migrations.RenameModel("PackageChange", "OldPackageChange"),
        migrations.AlterField(
            "oldpackagechange",
            "channel",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="old_changes", to="packages.channel"
            ),
        ),
        migrations.CreateModel(
            name="PackageChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("renamed", "renamed: one into one"),
                            ("merged", "merged: several into one"),
                            ("split", "split: one into several"),
                            ("dropped", "dropped: nothing takes its place"),
                            ("default", "became a default package"),
                            ("added", "new: every image needs it"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "sources",
                    models.JSONField(blank=True, default=list, help_text='Names before, e.g. ["firewall"].'),
                ),
                (
                    "targets",
                    models.JSONField(blank=True, default=list, help_text='Names from then on, e.g. ["firewall4"].'),
                ),
                (
                    "version",
                    models.CharField(
                        blank=True,
                        help_text="First branch or release that has it, e.g. 22.03 or 22.03.3.",
                        max_length=64,
                    ),
                ),
                (
                    "revision",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Revision of the development branch, the number in r18611-...",
                        null=True,
                    ),
                ),
                (
                    "is_mandatory",
                    models.BooleanField(
                        default=False, help_text="Without it the new release does not work: clients do not ask."
                    ),
                ),
                ("why", models.CharField(blank=True, help_text="A sentence for people.", max_length=300)),
                (
                    "distribution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="package_changes",
                        to="packages.distribution",
                    ),
                ),
            ],
            options={"ordering": ["distribution", "id"]},
        ),
        migrations.RunPython(copy, copy_back),
        migrations.DeleteModel("OldPackageChange"),
        migrations.AddField(
            "distribution",
            "successor",
            models.ForeignKey(
                blank=True,
                help_text="The distribution that goes on where this one ends, e.g. OpenWrt after LEDE.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="predecessors",
                to="packages.distribution",
            ),
        ),
    ]
