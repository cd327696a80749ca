"""Django's handle on news."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from packages import schedules


class NewsConfig(AppConfig):
    """What is new for a distribution, or for one device and its packages: feeds to read, and calls that we make."""

    name = "news"

    def ready(self) -> None:
        """Connects what happens after a migration."""
        post_migrate.connect(_schedule, sender=self, dispatch_uid="news.schedule")


def _schedule(using: str, **_: Any) -> None:
    schedules.keep(using, "asu-news", "news.tasks.go", 1)
