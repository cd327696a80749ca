"""Django's handle on this app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from packages import schedules


class StatsConfig(AppConfig):
    """Listens to what is worth counting."""

    name = "stats"
    verbose_name = "Watching"

    def ready(self) -> None:
        from stats import counting, owned

        owned.tell_all()
        counting.connect()
        post_migrate.connect(_schedule_measure, sender=self, dispatch_uid="stats.schedule_measure")


def _schedule_measure(using: str, **_: Any) -> None:
    """See `stats.tasks.measure`."""
    schedules.keep(using, "asu-measure", "stats.tasks.measure", 30)
