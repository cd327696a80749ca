"""Django's handle on this app."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate

from packages import reach, schedules


class PackagesConfig(AppConfig):
    """Keeps the schedule of the periodic sync."""

    name = "packages"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        """Connects what happens after a migration."""
        from packages import owned

        owned.tell_all()
        post_migrate.connect(_schedule_sync, sender=self, dispatch_uid="packages.schedule_sync")
        post_migrate.connect(_keep_groups, dispatch_uid="packages.keep_groups")


def _schedule_sync(using: str, **_: Any) -> None:
    schedules.keep(using, "asu-sync", "packages.tasks.sync_all", settings.ASU_SYNC_MINUTES)


def _keep_groups(sender: AppConfig, using: str, **_: Any) -> None:
    """After each app, as its permissions were just made."""
    if reach.of_app(sender.label):
        from packages import roles

        roles.keep_groups(using, sender.label)
