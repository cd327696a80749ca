"""What a maintainer decides (hidden, pinned, waiting, the stable release), and what each sync did."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def remember_what_mirrors_say(apps: Any, schema_editor: Any) -> None:
    """Until now the stable release was always the mirror's."""
    apps.get_model("packages", "Distribution").objects.update(mirror_stable=models.F("stable_version"))


class Migration(migrations.Migration):
    dependencies = [
        ("packages", "0008_flavour_files"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="is_hidden",
            field=models.BooleanField(
                default=False,
                help_text="In no list, and no device is led to it; built for who names a release of it.",
                verbose_name="hidden",
            ),
        ),
        migrations.AddField(
            model_name="distribution",
            name="chosen_stable",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="No sync changes it.",
                max_length=64,
                verbose_name="stable release by hand",
            ),
        ),
        migrations.AddField(
            model_name="distribution",
            name="ignored_suggestions",
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
        migrations.AddField(
            model_name="distribution",
            name="mirror_stable",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="release",
            name="awaits_decision",
            field=models.BooleanField(default=False, editable=False, verbose_name="waits for a decision"),
        ),
        migrations.AddField(
            model_name="release",
            name="is_hidden",
            field=models.BooleanField(
                default=False,
                help_text="In no list, and no device is led to it; built for who names it.",
                verbose_name="hidden",
            ),
        ),
        migrations.AddField(
            model_name="release",
            name="is_pinned",
            field=models.BooleanField(
                default=False,
                help_text="It stays on offer with its targets when the mirror lists it no longer.",
                verbose_name="pinned",
            ),
        ),
        migrations.CreateModel(
            name="SyncRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("release", models.CharField(blank=True, help_text="Only this one.", max_length=64)),
                ("target", models.CharField(blank=True, help_text="Only this one.", max_length=130)),
                (
                    "is_full",
                    models.BooleanField(
                        default=False, help_text="Also those that nobody asked for yet.", verbose_name="all targets"
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("schedule", "the schedule"),
                            ("person", "a maintainer"),
                            ("command", "the command line"),
                        ],
                        default="schedule",
                        max_length=16,
                        verbose_name="asked by",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "waits"),
                            ("running", "under way"),
                            ("done", "done"),
                            ("failed", "the mirror failed"),
                            ("broken-off", "ended abnormally"),
                            ("refused", "refused"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("queued_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("beat_at", models.DateTimeField(blank=True, null=True)),
                ("machine", models.CharField(blank=True, max_length=255)),
                ("stage", models.CharField(blank=True, help_text="What is read just now.", max_length=200)),
                ("done", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(default=0)),
                ("message", models.TextField(blank=True, help_text="In one line.")),
                ("notes", models.JSONField(blank=True, default=list)),
                ("errors", models.JSONField(blank=True, default=list)),
                ("has_changes", models.BooleanField(default=False)),
                (
                    "changes",
                    models.JSONField(blank=True, default=dict, help_text="As packages.sync.report tells them."),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
                (
                    "distribution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sync_runs",
                        to="packages.distribution",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["distribution", "-id"], name="sync_run_of")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("distribution",),
                        name="sync_run_one_at_a_time",
                    )
                ],
            },
        ),
        migrations.RunPython(remember_what_mirrors_say, migrations.RunPython.noop),
    ]
