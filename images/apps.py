"""Django's handle on this app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from packages import schedules


class ImagesConfig(AppConfig):
    """Publishes what was built, and keeps the schedule of chores."""

    name = "images"
    verbose_name = "Requests and images"

    def ready(self) -> None:
        """Connects finished builds to their publication, and what happens after a migration."""
        from builders.signals import build_finished
        from images import clients, owned
        from images.impact import counts, wishes
        from images.publishing import on_build_finished
        from packages import impact, visibility

        owned.tell_all()
        build_finished.connect(on_build_finished, dispatch_uid="images.publish")
        visibility.recognise_by(clients.viewer)
        impact.count_by(counts)
        impact.wishes_by(wishes)
        post_migrate.connect(_schedule_tidy, sender=self, dispatch_uid="images.schedule_tidy")


def _schedule_tidy(using: str, **_: Any) -> None:
    """See `images.tasks.tidy`."""
    schedules.keep(using, "asu-tidy", "images.tasks.tidy", 5)
