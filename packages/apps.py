"""Django's handle on this app."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate

from packages import schedules


class PackagesConfig(AppConfig):
    """Keeps the schedule of the periodic sync."""

    name = "packages"

    def ready(self) -> None:
        """Connects what happens after a migration."""
        post_migrate.connect(_schedule_sync, sender=self, dispatch_uid="packages.schedule_sync")


def _schedule_sync(using: str, **_: Any) -> None:
    schedules.keep(using, "asu-sync", "packages.tasks.sync_all", settings.ASU_SYNC_MINUTES)
