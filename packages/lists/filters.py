"""Filters of lists whose choices come from the program or the catalogue, never from a look at all rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from packages import roles
from packages.models import Distribution, Release, Target
from packages.versions import version_key

_LONGEST = 200
MOST_CHOICES = 200
MOST_OPEN = 8  # choices that are shown without being asked for


class FastFilter(admin.SimpleListFilter):
    """A filter on one column. `other_names`: what it is called in addresses too, besides Django's `<name>__exact`."""

    template = "admin/fast_filter.html"
    other_names: tuple[str, ...] = ()
    column = ""  # "": as the parameter
    path = ""  # before it, where the rows are joined to those that have it
    is_scoped = False  # whether its choices name nothing that could be private

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        self.asked = request.GET
        for name in self.names()[1:]:
            if name in params:
                params.setdefault(str(self.parameter_name), params.pop(name))
        super().__init__(request, params, model, model_admin)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All that it is called in addresses; its own name first."""
        return str(cls.parameter_name), f"{cls.parameter_name}__exact", *cls.other_names

    def has_output(self) -> bool:
        """Also without choices: its value may come from an address."""
        return bool(self.lookup_choices) or self.value() is not None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What is offered."""
        return []

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Those, and the one that an address brought along."""
        known = {value for value, _title in self.lookup_choices}
        chosen = self.value()
        if chosen is not None and chosen not in known:
            self.lookup_choices.append((chosen, self.title_of(chosen)))
        yield from super().choices(changelist)

    @property
    def is_open(self) -> bool:
        """Long lists are folded, unless one of them is chosen."""
        return self.value() is not None or len(self.lookup_choices) <= MOST_OPEN

    def title_of(self, value: str) -> str:
        """How a value that is none of the choices is shown."""
        return ascii(value)[1:-1][:60]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Those with the chosen value."""
        chosen = self.value()
        if chosen is None or chosen == "":
            return queryset
        if len(chosen) > _LONGEST or not chosen.isprintable():
            return queryset.none()
        return self.chosen(queryset, chosen)

    def chosen(self, rows: "QuerySet[Any]", value: str) -> "QuerySet[Any]":
        """Those with this value."""
        return rows.filter(**{f"{self.path}{self.column or self.parameter_name}": value})


class WordFilter(FastFilter):
    """By a word that the program knows."""

    words: Sequence[tuple[str, Any]] = ()  # each with what people read for it
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(self.words)


class RowFilter(FastFilter):
    """By a row of another table that has names: of those that are there for the person."""

    table: type[Model]
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        rows = roles.only_seen(request.user, self.table._default_manager.order_by("name")).values_list("pk", "name")
        return [(str(pk), self.shown(name)) for pk, name in rows[:MOST_CHOICES]]

    def shown(self, name: str) -> str:
        """How a name is written."""
        return name

    def chosen(self, rows: "QuerySet[Any]", value: str) -> "QuerySet[Any]":
        if not (value.isascii() and value.isdecimal() and len(value) <= 18):
            return rows.none()
        return super().chosen(rows, value)


class DistributionFilter(FastFilter):
    title = _("distribution")
    parameter_name = "distribution"
    other_names = ("request__distribution",)
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        rows = roles.only_seen(request.user, Distribution.objects.order_by("name"))
        return [(name, name) for name in rows.values_list("name", flat=True)[:MOST_CHOICES]]


class VersionFilter(FastFilter):
    title = _("release")
    parameter_name = "version"
    other_names = ("request__version",)
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Of the chosen distribution, or of all; the newest first."""
        rows = roles.only_seen(request.user, Release.objects.order_by("-id"))
        if distribution := _word(request, "distribution"):
            rows = rows.filter(distribution__name=distribution)
        names = dict.fromkeys(rows.values_list("version", flat=True)[:MOST_CHOICES])
        return [(name, name) for name in sorted(names, key=version_key, reverse=True)]


class TargetFilter(FastFilter):
    """Once a release is chosen: all targets of all releases would be too long a list."""

    title = _("target")
    parameter_name = "target"
    other_names = ("request__target",)
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        version = _word(request, "version")
        if not version:
            return []
        rows = roles.only_seen(request.user, Target.objects.filter(release__version=version))
        if distribution := _word(request, "distribution"):
            rows = rows.filter(release__distribution__name=distribution)
        names = rows.order_by("name").values_list("name", flat=True).distinct()[:MOST_CHOICES]
        return [(name, name) for name in names]


class ProfileFilter(FastFilter):
    """For links to all that is of one device: there are too many to choose from."""

    title = _("device")
    parameter_name = "profile"
    other_names = ("request__profile",)
    is_scoped = True


class DaysFilter(WordFilter):
    """By the day that a row was made."""

    title = _("time")
    parameter_name = "days"
    column = "created_at"
    words = (("1", _("last 24 hours")), ("7", _("last 7 days")), ("30", _("last 30 days")), ("365", _("last year")))

    def title_of(self, value: str) -> str:
        return f"last {value[:5]} days"

    def chosen(self, rows: "QuerySet[Any]", value: str) -> "QuerySet[Any]":
        if not (value.isascii() and value.isdecimal() and len(value) <= 5):
            return rows.none()
        return self.since(rows, timezone.now() - timedelta(days=int(value)))

    def since(self, rows: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
        """Those made after it."""
        return rows.filter(**{f"{self.path}{self.column}__gte": moment})


class DaysOfIds(DaysFilter):
    """The same in a list that goes by id: rows are numbered in the order in which they came."""

    def since(self, rows: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
        # Two transactions at once may end in another order than their ids have: some more rows are looked at.
        near = rows.model._default_manager.filter(**{f"{self.column}__gte": moment - timedelta(minutes=10)})
        pk = near.order_by(self.column).values_list("pk", flat=True).first()
        return rows.none() if pk is None else rows.filter(**{"pk__gte": pk, f"{self.column}__gte": moment})


def _word(request: HttpRequest, name: str) -> str:
    """A parameter that may be the name of something."""
    value = request.GET.get(name, "")
    return value if len(value) <= _LONGEST and value.isprintable() else ""
