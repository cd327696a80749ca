"""Syncs: how far each is while it runs, what went wrong, what changed."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from packages.admin.base import ReadOnly
from packages.admin.live import LiveAdmin, Parts
from packages.admin.standing import of_run
from packages.models import SyncRun
from packages.sync import journal

_MOST_FEEDS_OPEN = 3  # whose packages are shown at once
_AGAIN = {"name": "again", "label": _("Sync again"), "hint": _("The same part of the distribution, as it is now.")}


class WhatFilter(admin.SimpleListFilter):
    title = _("what came of it")
    parameter_name = "what"
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds that people look for."""
        return [
            ("changed", gettext("something changed")),
            ("failed", gettext("something failed")),
            ("open", gettext("under way")),
        ]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[SyncRun]") -> "QuerySet[SyncRun]":
        """Those of the chosen kind."""
        states = {"failed": (SyncRun.State.FAILED, SyncRun.State.BROKEN_OFF), "open": SyncRun.OPEN}
        if self.value() == "changed":
            return queryset.filter(has_changes=True)
        return queryset.filter(state__in=states[self.value()]) if self.value() in states else queryset  # type: ignore[index]


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly, LiveAdmin):
    list_display = ["what", "state_cell", "came_of_it", "who", "when", "took"]
    list_filter = [WhatFilter, "distribution", "origin"]
    list_select_related = ("distribution", "asked_by")
    list_per_page = 50
    live_columns = ("state",)
    change_form_template = "admin/packages/syncrun/change_form.html"
    change_list_template = "admin/packages/syncrun/change_list.html"

    class Media:
        css = {"all": ["admin-catalogue.css"]}

    def get_queryset(self, request: HttpRequest) -> "QuerySet[SyncRun]":
        rows: QuerySet[SyncRun] = super().get_queryset(request)
        return rows.select_related("distribution", "asked_by")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """None: the parts say it all."""
        return []

    def has_act_permission(self, request: HttpRequest, run: SyncRun | None = None) -> bool:
        """Whoever may change distributions may have them synced."""
        return request.user.has_perm("packages.change_distribution")

    def may_press(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    # -- the list ------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        journal.give_up_dead()
        return super().changelist_view(request, extra_context)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        run = context.get("original")
        more = {"title": gettext("Sync of %(what)s") % {"what": run} if run else gettext("Sync"), "subtitle": None}
        return super().render_change_form(request, context | more, *args, **kwargs)

    @admin.display(description=_("what"), ordering="distribution__name")
    def what(self, run: SyncRun) -> str:
        return gettext("%(what)s (all targets)") % {"what": run} if run.is_full else str(run)

    @admin.display(description=_("state"), ordering="state")
    def state_cell(self, run: SyncRun) -> str:
        return self.cell("state", run)

    def state_html(self, run: SyncRun) -> str:
        return self.part("syncrun/_state.html", run=run, badge=of_run(run))

    @admin.display(description=_("what came of it"))
    def came_of_it(self, run: SyncRun) -> str:
        if run.errors:
            return self.part("syncrun/_first_error.html", run=run)
        return ", ".join(in_short(run.changes)) or (gettext("nothing new") if run.is_over and run.finished_at else "")

    @admin.display(description=_("asked by"))
    def who(self, run: SyncRun) -> str:
        return asker(run)

    @admin.display(description=_("when"), ordering="id")
    def when(self, run: SyncRun) -> SafeString:
        return format_html('<span class="farm-when">{}</span>', f"{run.queued_at:%Y-%m-%d %H:%M}")

    @admin.display(description=_("took"))
    def took(self, run: SyncRun) -> SafeString:
        return format_html('<span class="farm-when">{}</span>', duration(run))

    # -- the page ------------------------------------------------------------------------------------------

    def parts_of(self, request: HttpRequest, row: SyncRun) -> Parts:
        if not row.is_over:
            journal.give_up_dead(row.distribution)
            row.refresh_from_db()
        return {
            "head": self.part("syncrun/_head.html", **_facts(row)),
            "buttons": self.part("_choices.html", choices=[_AGAIN] if row.is_over and self.may_press(request) else ()),
            "outcome": self.part("syncrun/_outcome.html", **_outcome(row)) if row.is_over else SafeString(""),
        }

    def is_over(self, row: SyncRun) -> bool:
        return row.is_over

    def press(self, request: HttpRequest, row: SyncRun) -> HttpResponse | None:
        if request.POST.get("order") != "again":
            return None
        part: dict[str, Any] = {"release": row.release, "target": row.target, "is_full": row.is_full}
        run = journal.ask_once(row.distribution, request.user, **part)
        self.note(request, [row.distribution], "Asked for a sync.")
        return HttpResponseRedirect(reverse("admin:packages_syncrun_change", args=[run.pk]))


def asker(run: SyncRun) -> str:
    """Who wanted it."""
    return str(run.asked_by) if run.asked_by else run.get_origin_display()


def duration(run: SyncRun) -> str:
    """How long it took, or takes."""
    if run.started_at is None:
        return ""
    seconds = ((run.finished_at or timezone.now()) - run.started_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def in_short(changes: dict[str, Any]) -> list[str]:
    """What changed, in a few words each."""
    releases, targets, feeds = changes.get("releases", {}), changes.get("targets", {}), changes.get("feeds", ())
    found = [_counted(_RELEASES[how], len(names)) for how, names in releases.items()]
    found += [_counted(_TARGETS[how], part["count"]) for how, part in targets.items()]
    if feeds:
        count = len(feeds) + changes.get("more_feeds", 0)
        found.append(ngettext("%(count)d feed moved", "%(count)d feeds moved", count) % {"count": count})
    if stable := changes.get("stable"):
        before, after = (each or gettext("none") for each in stable)
        found.append(gettext("stable %(before)s → %(after)s") % {"before": before, "after": after})
    return found


_RELEASES = {
    "new": ngettext_lazy("%(count)d new release", "%(count)d new releases", "count"),
    "waiting": ngettext_lazy("%(count)d waiting release", "%(count)d waiting releases", "count"),
    "vanished": ngettext_lazy("%(count)d vanished release", "%(count)d vanished releases", "count"),
}
_TARGETS = {
    "new": ngettext_lazy("%(count)d new target", "%(count)d new targets", "count"),
    "vanished": ngettext_lazy("%(count)d vanished target", "%(count)d vanished targets", "count"),
    "moved": ngettext_lazy("%(count)d moved target", "%(count)d moved targets", "count"),
}


def _counted(words: Any, count: int) -> str:
    return str(words % {"count": count})


def _facts(run: SyncRun) -> dict[str, Any]:
    ahead = None
    if run.state == SyncRun.State.QUEUED:
        rows = SyncRun.objects.filter(distribution=run.distribution_id, state=SyncRun.State.RUNNING)
        ahead = rows.first()
    return {"run": run, "badge": of_run(run), "asker": asker(run), "took": duration(run), "ahead": ahead}


def _outcome(run: SyncRun) -> dict[str, Any]:
    changes = run.changes
    return {
        "run": run,
        "releases": changes.get("releases", {}),
        "targets": changes.get("targets", {}),
        "feeds": [
            {**feed, "is_open": number < _MOST_FEEDS_OPEN} for number, feed in enumerate(changes.get("feeds", ()))
        ],
        "more_feeds": changes.get("more_feeds", 0),
        "stable": changes.get("stable"),
        "has_failed": run.state in (SyncRun.State.FAILED, SyncRun.State.BROKEN_OFF),
    }
