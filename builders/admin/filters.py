"""Filters of the lists of builds and attempts."""

from django.utils.translation import gettext_lazy as _

from builders.admin.words import outcome
from builders.models import Worker
from builders.queue.moves import CRASHED, GIVEN_BACK, LOST, NOT_TAKEN
from builders.shown import visible
from builders.states import Reason, State
from packages.lists.filters import RowFilter, WordFilter

_OUTCOMES = (State.DONE.value, LOST, CRASHED, GIVEN_BACK, NOT_TAKEN, *Reason.values())


class StateFilter(WordFilter):
    title = _("state")
    parameter_name = "state"
    words = tuple((state.value, state.value) for state in State)


class ReasonFilter(WordFilter):
    title = _("reason")
    parameter_name = "reason"
    words = Reason.choices()


class WorkerFilter(RowFilter):
    """Those it built last."""

    title = _("worker")
    parameter_name = "worker"
    other_names = ("worker__id__exact",)
    table = Worker

    def shown(self, name: str) -> str:
        return visible(name)


class OutcomeFilter(WordFilter):
    title = _("outcome")
    parameter_name = "outcome"
    words = tuple((word, outcome(word)) for word in _OUTCOMES)
