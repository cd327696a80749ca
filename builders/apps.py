"""Django's handle on this app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

WAKE_SCHEDULE = "asu-wake"


class BuildersConfig(AppConfig):
    """See the app's modules."""

    name = "builders"

    def ready(self) -> None:
        """Connects what happens after a migration."""
        # Imported before the cluster forks, so that its processes know when it was started.
        from builders import wake  # noqa: F401

        post_migrate.connect(_schedule_wake, sender=self, dispatch_uid="builders.schedule_wake")


def _schedule_wake(using: str, **_: Any) -> None:
    """A wake-up each minute: for builds whose lease ran out, and for wake-ups that were lost.

    The signal is sent when all apps are migrated; the queue's tables are missing only if it was asked for ours alone.
    """
    from django.db import connections
    from django_q.conf import Conf
    from django_q.models import Schedule

    if using != Conf.ORM or Schedule._meta.db_table not in connections[using].introspection.table_names():
        return
    Schedule.objects.using(using).get_or_create(
        name=WAKE_SCHEDULE,
        defaults={"func": "builders.tasks.wake", "schedule_type": Schedule.MINUTES, "minutes": 1},
    )
