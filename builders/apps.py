"""Django's handle on this app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from packages import schedules


class BuildersConfig(AppConfig):
    """Keeps the schedule of wake-ups."""

    name = "builders"
    verbose_name = "Farm"

    def ready(self) -> None:
        """Connects what happens after a migration."""
        # Imported before the cluster forks, so that its processes know when it was started.
        from builders import owned, wake  # noqa: F401

        owned.tell_all()
        post_migrate.connect(_schedule_wake, sender=self, dispatch_uid="builders.schedule_wake")


def _schedule_wake(using: str, **_: Any) -> None:
    """A wake-up each minute: for builds whose lease ran out, and for wake-ups that were lost."""
    schedules.keep(using, "asu-wake", "builders.tasks.wake", 1)
    schedules.keep(using, "asu-tend", "builders.tasks.tend", 1)
