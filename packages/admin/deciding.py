"""Lists and pages of rows that a maintainer decides about: buttons, actions, and a question before what hurts."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.translation import gettext, override

from packages import impact
from packages.admin.base import Announcing
from packages.admin.decisions import DECISIONS, Decision, for_row, in_words
from packages.admin.deleting import CountedDeletion
from packages.admin.live import LiveAdmin, Parts
from packages.admin.standing import badges
from packages.deciding import DecisionError
from packages.models import Release, SyncRun
from packages.sync import journal

MOST_NAMES = 8


def action(name: str) -> Any:
    """A decision as an action of a list."""
    decision = DECISIONS[name]

    @admin.action(description=lazy(in_words, str)(decision), permissions=["change"])
    def act(self: "DecidingAdmin", request: HttpRequest, rows: "QuerySet[Any]") -> HttpResponse | None:
        return self.decide(request, decision, rows)

    act.__name__ = name
    return act


class DecidingAdmin(CountedDeletion, Announcing, LiveAdmin):
    """`decisions` names those that there are for a row of this kind."""

    decisions: Sequence[str] = ()
    change_form_template = "admin/packages/deciding/change_form.html"

    class Media:
        css = {"all": ["admin-catalogue.css"]}

    def releases_of(self, rows: "QuerySet[Any]") -> "QuerySet[Release]":
        """The releases that a decision about the rows touches."""
        raise NotImplementedError

    def parts_of(self, request: HttpRequest, row: Any) -> Parts:
        may = self.has_change_permission(request, row)
        return {
            "head": self.part("deciding/_head.html", row=row, badges=badges(row)),
            "buttons": self.part("_choices.html", choices=self.choices(request, row) if may else ()),
        }

    def is_over(self, row: Any) -> bool:
        return True

    def choices(self, request: HttpRequest, row: Any) -> list[Any]:
        """The buttons of a row's page."""
        return for_row(row, self.decisions)

    # -- deciding ------------------------------------------------------------------------------------------

    def press(self, request: HttpRequest, row: Any) -> HttpResponse | None:
        decision = DECISIONS.get(request.POST.get("order", ""))
        if decision is None or decision.name not in self.decisions:
            return self.no_button(request)
        return self.decide(request, decision, self.model._default_manager.filter(pk=row.pk))

    def decide(
        self, request: HttpRequest, decision: Decision, rows: "QuerySet[Any]", *, asks: Any = None
    ) -> HttpResponse | None:
        """Carry it out for the rows where it makes sense; what hurts is asked about first. `asks`: whose rows."""
        owner = asks or self
        found = [row for row in rows if decision.makes_sense(row)]
        if not found:
            self.message_user(request, gettext("%(what)s: nothing to do.") % {"what": decision.label}, messages.WARNING)
            return None
        chosen = rows.model._default_manager.filter(pk__in=[row.pk for row in found])
        if decision.is_grave and request.POST.get("confirmed") != "yes":
            return self._ask(request, decision, found, impact.of(owner.releases_of(chosen)))
        try:
            decision.carry_out(chosen)
        except DecisionError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        with override(None):  # the audit has one language
            entry = f"{decision.label}."
        self.note(request, found, entry)
        self.message_user(request, str(decision.done).format(names=_names(found)), messages.SUCCESS)
        return None

    def _ask(
        self, request: HttpRequest, decision: Decision, rows: Sequence[Model], touched: Sequence[str]
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("%(what)s?") % {"what": decision.label},
            "opts": self.opts,
            "media": self.media,
            "decision": decision,
            "rows": rows,
            "touched": touched,
            "order": request.POST.get("order", decision.name),
            "is_bulk": "action" in request.POST,
            "back_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "admin/packages/deciding/confirm.html", context)

    # -- syncs ---------------------------------------------------------------------------------------------

    def sync(self, request: HttpRequest, distribution: Any, **part: Any) -> SyncRun:
        """Have it synced, in the background."""
        run = journal.ask_once(distribution, request.user, **part)
        self.note(request, [distribution], f"Asked for a sync{_of_part(part)}.")
        return run


def _of_part(part: dict[str, Any]) -> str:
    words = " ".join(str(part[name]) for name in ("release", "target") if part.get(name))
    return f" of {words}" if words else " of all targets" if part.get("is_full") else ""


def _names(rows: Sequence[Model]) -> str:
    more = len(rows) - MOST_NAMES
    names = ", ".join(map(str, rows[:MOST_NAMES]))
    return gettext("%(names)s and %(more)d more") % {"names": names, "more": more} if more > 0 else names
