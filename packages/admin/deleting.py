"""What goes along when a row of the catalogue is deleted: counted, for of a distribution there is very much."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db import router
from django.db.models import Model, ProtectedError, QuerySet, RestrictedError
from django.db.models.deletion import Collector
from django.http import HttpRequest

from packages.admin.base import ReadOnly

MOST_NAMES = 50


class CountedDeletion(admin.ModelAdmin):  # type: ignore[type-arg]
    """In front of an admin class whose rows many others hang on.

    What syncs read goes with what it was read for, though nobody deletes it by itself; everything else that goes along
    needs the permission that it needs anyway.
    """

    def get_deleted_objects(
        self, objs: "Sequence[Any] | QuerySet[Any]", request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Names of the rows themselves, counts by kind, kinds without permission, and names of what forbids it."""
        rows = list(objs)
        if not rows:
            return [], {}, set(), []
        collector = Collector(using=router.db_for_write(type(rows[0])))
        try:
            collector.collect(rows)
        except (ProtectedError, RestrictedError) as error:
            kept: set[Any] = getattr(error, "protected_objects", set()) or getattr(error, "restricted_objects", set())
            return _names(rows), {}, set(), sorted(map(str, kept))[:MOST_NAMES]
        counts: Counter[type[Model]] = Counter({model: len(found) for model, found in collector.data.items()})
        for found in collector.fast_deletes:
            counts[found.model] += found.count()
        told = {model: count for model, count in counts.items() if count and not model._meta.auto_created}
        needed = {str(model._meta.verbose_name) for model in told if not self._may(request, model, rows)}
        by_name = {str(model._meta.verbose_name_plural): count for model, count in told.items()}
        return _names(rows), by_name, needed, []

    def _may(self, request: HttpRequest, model: type[Model], rows: list[Any]) -> bool:
        if not self.admin_site.is_registered(model):
            return True
        owner = self.admin_site.get_model_admin(model)
        if isinstance(owner, ReadOnly):
            return True
        return all(owner.has_delete_permission(request, row) for row in (rows if type(rows[0]) is model else [None]))


def _names(rows: list[Any]) -> list[str]:
    return [str(row) for row in rows[:MOST_NAMES]]
