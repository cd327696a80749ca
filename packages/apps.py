"""Django's handle on this app."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate

SCHEDULE = "asu-sync"


class PackagesConfig(AppConfig):
    """Keeps the schedule of the periodic sync in line with the settings."""

    name = "packages"

    def ready(self) -> None:
        post_migrate.connect(ensure_schedule, sender=self, dispatch_uid=SCHEDULE)


def ensure_schedule(using: str = "default", **kwargs: Any) -> None:
    """After every migrate: one schedule, every ASU_SYNC_MINUTES. Nothing while the queue has no tables yet."""
    from django_q.models import Schedule

    if Schedule._meta.db_table not in connections[using].introspection.table_names():
        return
    wanted = {
        "func": "packages.tasks.sync_all",
        "schedule_type": Schedule.MINUTES,
        "minutes": settings.ASU_SYNC_MINUTES,
        "repeats": -1,
    }
    Schedule.objects.using(using).update_or_create(name=SCHEDULE, defaults=wanted)
