"""The queue's schedules: each app keeps its own in line with the settings after every migration."""

from django.db import connections


def keep(using: str, name: str, task: str, minutes: int) -> None:
    """One schedule of that name, every so many minutes. `using`: the database that was migrated.

    Nothing where the queue keeps its tables elsewhere, or has none yet because only some apps were migrated.
    """
    from django_q.conf import Conf
    from django_q.models import Schedule

    if using != Conf.ORM or Schedule._meta.db_table not in connections[using].introspection.table_names():
        return
    wanted = {"func": task, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1}
    Schedule.objects.using(using).update_or_create(name=name, defaults=wanted)
