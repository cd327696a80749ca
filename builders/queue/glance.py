"""Whether there may be anything for a worker. Idle ones ask again and again, so this is one statement, compiled once.

It is the ORM's own SQL, kept for each worker and its labels: putting it together would cost more than running it.
"""

import functools
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from builders import labels
from builders.models import Build, Worker


@dataclass(frozen=True, slots=True)
class Glance:
    """What was there at that moment."""

    has_overdue: bool  # somebody lost a build; it has to be looked at, whoever asks
    has_fitting: bool  # something waits that the worker's labels fit; whether it may have it is looked at under a lock
    has_own: bool  # the worker works on something already


def at(worker: Worker) -> Glance:
    """For a worker as it was read; takes no lock."""
    sql, parameters = _compiled(connection.vendor, worker.pk, tuple(worker.labels))
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return Glance(*map(bool, cursor.fetchone()))


@functools.lru_cache(maxsize=1024)
def _compiled(vendor: str, worker_id: int, words: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    """For one kind of database: tests use several in a process."""
    building = Build.objects.building().filter(worker=worker_id)
    questions = [_exists(rows) for rows in (Build.objects.overdue(), _fitting(words), building)]
    sql = "SELECT " + ", ".join(f"EXISTS({part})" for part, _ in questions)
    return sql, tuple(value for _, values in questions for value in values)


def _fitting(words: tuple[str, ...]) -> QuerySet[Build]:
    return Build.objects.queued().filter(labels.fitting(words))


def _exists(rows: QuerySet[Build]) -> tuple[str, tuple[Any, ...]]:
    sql, parameters = rows.query.exists().sql_with_params()
    return sql, tuple(parameters)
