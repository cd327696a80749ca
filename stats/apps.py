"""Django's handle on this app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_migrate, post_save

from packages import schedules


class StatsConfig(AppConfig):
    """Listens to what is worth counting, and keeps the schedules of looks and nightly sums."""

    name = "stats"
    verbose_name = "Watching"

    def ready(self) -> None:
        """Connects signals."""
        from stats import counting, incidents, owned
        from stats.models import Incident

        owned.tell_all()
        counting.connect()
        for signal in (post_save, post_delete):
            signal.connect(lambda **_: incidents.forget(), sender=Incident, weak=False, dispatch_uid="stats.banner")
        post_migrate.connect(_schedule, sender=self, dispatch_uid="stats.schedule")


def _schedule(using: str, **_: Any) -> None:
    """See `stats.tasks`."""
    schedules.keep(using, "asu-watch", "stats.tasks.watch_over", 1)
    schedules.keep(using, "asu-statistics", "stats.tasks.tidy", 60)
    schedules.keep(using, "asu-measure", "stats.tasks.measure", 30)
