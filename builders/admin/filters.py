"""Filters of the lists of builds and attempts."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from builders.admin import words
from builders.models import Worker
from builders.queue.moves import CRASHED, GIVEN_BACK, LOST, NOT_TAKEN
from builders.shown import visible
from builders.states import Reason, State
from packages import roles
from packages.lists.filters import MOST_CHOICES, FastFilter, NumberFilter


class StateFilter(FastFilter):
    title = _("state")
    parameter_name = "state"
    other_names = ("state__exact",)
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state.value, state.value) for state in State]


class ReasonFilter(FastFilter):
    title = _("reason")
    parameter_name = "reason"
    other_names = ("reason__exact",)
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(reason.value, reason.label) for reason in Reason]


class WorkerFilter(NumberFilter):
    """Those it built last."""

    title = _("worker")
    parameter_name = "worker"
    other_names = ("worker__id__exact",)
    column = "worker"
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        rows = roles.only_seen(request.user, Worker.objects.order_by("name")).values_list("pk", "name")
        return [(str(pk), visible(name)) for pk, name in rows[:MOST_CHOICES]]


class OutcomeFilter(FastFilter):
    title = _("outcome")
    parameter_name = "outcome"
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        found = (State.DONE.value, LOST, CRASHED, GIVEN_BACK, NOT_TAKEN, *Reason.values())
        return [(word, words.outcome(word)) for word in found]
