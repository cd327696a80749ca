"""Django's handle on this app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

TIDY_SCHEDULE = "asu-tidy"


class ImagesConfig(AppConfig):
    """See the app's modules."""

    name = "images"

    def ready(self) -> None:
        """Connects finished builds to their publication, and what happens after a migration."""
        from builders.signals import build_finished
        from images.publishing import on_build_finished

        build_finished.connect(on_build_finished, dispatch_uid="images.publish")
        post_migrate.connect(_schedule_tidy, sender=self, dispatch_uid="images.schedule_tidy")


def _schedule_tidy(using: str, **_: Any) -> None:
    """See `images.tasks.tidy`. The queue's tables are missing only if a migration was asked for our app alone."""
    from django.db import connections
    from django_q.conf import Conf
    from django_q.models import Schedule

    if using != Conf.ORM or Schedule._meta.db_table not in connections[using].introspection.table_names():
        return
    Schedule.objects.using(using).get_or_create(
        name=TIDY_SCHEDULE,
        defaults={"func": "images.tasks.tidy", "schedule_type": Schedule.MINUTES, "minutes": 5},
    )
