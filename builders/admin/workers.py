"""Workers: who is there, what they build, how they did, and the buttons that tell them what to do."""

import re
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Case, IntegerField, Prefetch, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from builders import farm, labels, record, workers
from builders.admin import orders, words
from builders.admin.live import LiveAdmin, Parts
from builders.admin.rows import attempt_row, log_tail
from builders.models import Attempt, Build, ImageBuilder, Worker
from builders.querysets import ONLINE_SECONDS, from_now
from builders.shown import length
from packages import roles
from packages.models import Target

_MOST_ATTEMPTS = 50
_MOST_PENDING = 10  # that the list shows in a box of their own
_LOG_BYTES = 8 * 1024

_RANKS = (Worker.Standing.PENDING, Worker.Standing.SUSPENDED, Worker.Standing.APPROVED, Worker.Standing.REVOKED)


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    is_scoped = True
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two."""
        return [("local", "this machine"), ("remote", "remote")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Worker]) -> QuerySet[Worker]:
        """Those of the chosen one."""
        return queryset.filter(is_local=self.value() == "local") if self.value() else queryset


class WorkerForm(forms.ModelForm):  # type: ignore[type-arg]
    """Its labels, as people write them."""

    labels = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "spellcheck": "false"}),
        help_text="What it builds, e.g. distribution:openwrt, target:ath79/*, arch:mips_24kc; of several of a kind one "
        "has to fit. Empty: everything. A worker that is started with labels of its own brings those along.",
    )

    class Meta:
        model = Worker
        fields = ["labels"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["labels"] = "\n".join(map(str, self.instance.labels))

    def clean_labels(self) -> list[str]:
        """Sorted, each once."""
        try:
            return labels.parse(re.findall(r"[^\s,]+", self.cleaned_data["labels"]))
        except labels.LabelError as wrong:
            raise forms.ValidationError(str(wrong)) from wrong


def _bulk(name: str) -> Any:
    """An action of the list."""
    order = orders.ORDERS[name]

    @admin.action(description=f"{order.label}: {order.hint[0].lower()}{order.hint[1:]}", permissions=["change"])
    def act(self: "WorkerAdmin", request: HttpRequest, rows: QuerySet[Worker]) -> HttpResponse | None:
        return self.give(request, order, list(rows))

    act.__name__ = name
    return act


@admin.register(Worker)
class WorkerAdmin(LiveAdmin):
    form = WorkerForm
    fields = ("labels",)
    list_display = ("who", "standing_cell", "now_cell", "machine_cell", "lately")
    list_filter = ("standing", "desired", KindFilter)
    search_fields = ("name",)
    list_per_page = 50
    ordering = (
        Case(*(When(standing=word, then=Value(rank)) for rank, word in enumerate(_RANKS)), output_field=IntegerField()),
        "name",
    )
    live_columns = ("standing", "now", "machine")
    actions = ("approve", "run", "drain", "stop", "suspend", "revoke")
    approve, run, drain = _bulk("approve"), _bulk("run"), _bulk("drain")
    stop, suspend, revoke = _bulk("stop"), _bulk("suspend"), _bulk("revoke")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Workers introduce themselves; `joining` lets them in."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may still build is not to be deleted: a remote one is revoked first, a local one has to be away."""
        is_over = obj is None or obj.standing in (Worker.Standing.PENDING, Worker.Standing.REVOKED)
        return super().has_delete_permission(request, obj) and (is_over or (obj.is_local and not _is_there(obj)))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        rows: QuerySet[Worker] = super().get_queryset(request)
        return rows.annotate(fresh_since=from_now(-ONLINE_SECONDS)).prefetch_related(_running_for(request))

    def save_model(self, request: HttpRequest, obj: Worker, form: "forms.ModelForm[Worker]", change: bool) -> None:
        """Only the labels: the row changes all the time, and what was read is old."""
        workers.relabel(obj, obj.labels)

    # -- the list ------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        more = {"may_join": request.user.has_perm("builders.add_jointoken"), "title": "Workers"}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def prepare(self, rows: list[Any]) -> None:
        """How each did lately, in one question."""
        records = record.lately([row.pk for row in rows])
        for row in rows:
            row.record = records[row.pk]

    def parts_of_list(self, request: HttpRequest) -> Parts:
        may_press = self.may_press(request)
        waiting = Worker.objects.filter(standing=Worker.Standing.PENDING).order_by("created_at")[:_MOST_PENDING]
        now = farm.look()
        return {
            "farm": self.part("_farm.html", farm=now),
            "pending": self.part(
                "worker/_pending.html",
                workers=waiting if now.pending else (),
                count=now.pending,
                more=now.pending - _MOST_PENDING,
                may_press=may_press,
            ),
        }

    @admin.display(description="worker", ordering="name")
    def who(self, worker: Worker) -> str:
        return self.part("worker/_who.html", worker=worker)

    @admin.display(description="standing", ordering="standing")
    def standing_cell(self, worker: Worker) -> str:
        return self.cell("standing", worker)

    @admin.display(description="builds now")
    def now_cell(self, worker: Worker) -> str:
        return self.cell("now", worker)

    @admin.display(description="machine", ordering="load")
    def machine_cell(self, worker: Worker) -> str:
        return self.cell("machine", worker)

    @admin.display(description=f"last {record.DAYS} days")
    def lately(self, worker: Any) -> str:
        return self.part("worker/_record.html", record=worker.record)

    def standing_html(self, worker: Worker) -> str:
        return self.part("worker/_standing.html", **_standing(worker), **_presence(worker))

    def now_html(self, worker: Any) -> str:
        return self.part("worker/_now.html", builds=[_running(build, worker) for build in worker.running])

    def machine_html(self, worker: Worker) -> str:
        return self.part("worker/_machine.html", **_machine(worker))

    # -- the page ------------------------------------------------------------------------------------------

    def parts_of(self, request: HttpRequest, row: Any) -> Parts:
        may_press = self.may_press(request)
        may_see_builds = request.user.has_perm("builders.view_build")
        return {
            "head": self.part(
                "worker/_head.html", worker=row, **_standing(row), **_presence(row), server=_base(request)
            ),
            "buttons": self.part("_buttons.html", orders=orders.for_worker(row) if may_press else ()),
            "running": self.part(
                "worker/_running.html", builds=[_running(build, row, log=may_see_builds) for build in row.running]
            ),
            "machine": self.part("worker/_machine.html", is_page=True, **_machine(row)),
            "facts": self.part(
                "worker/_facts.html", worker=row, lately=record.lately([row.pk])[row.pk], days=record.DAYS
            ),
            "held": self.part("worker/_held.html", imagebuilders=_held(row, request)),
            "history": self.part("worker/_history.html", attempts=_history(row, request), most=_MOST_ATTEMPTS),
        }

    # -- buttons -------------------------------------------------------------------------------------------

    def press(self, request: HttpRequest, row: Any) -> HttpResponse | None:
        order = orders.ORDERS.get(request.POST.get("order", ""))
        if order is None:
            return self.no_button(request)
        return self.give(request, order, [row])

    def give(self, request: HttpRequest, order: orders.Order, rows: list[Worker]) -> HttpResponse | None:
        """Carry out, log, and say what will happen; grave ones are asked about first."""
        if order.is_grave and request.POST.get("confirmed") != "yes":
            return self._ask(request, order, rows)
        given = orders.give(order, rows, _is_there, _base(request))
        if given.obeyed:
            self.note(request, given.obeyed, f"{order.label}.")
        self.tell(request, given.sentences)
        self.tell(request, given.refusals, messages.WARNING)
        return None

    def _ask(self, request: HttpRequest, order: orders.Order, rows: list[Worker]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{order.label}?",
            "opts": self.opts,
            "media": self.media,
            "order": order,
            "rows": [row for row in rows if order.makes_sense(row)],
            "refusals": [(row, orders.why_not(order, row)) for row in rows if not order.makes_sense(row)],
            "is_bulk": "action" in request.POST,
            "back": request.POST.get("back", ""),
        }
        return TemplateResponse(request, "admin/builders/worker/confirm.html", context)


def _is_there(worker: Any) -> bool:
    return worker.seen_at is not None and worker.seen_at > worker.fresh_since


def _base(request: HttpRequest) -> str:
    """This server, as other machines reach it."""
    return settings.ASU_BASE_URL or request.build_absolute_uri("/").rstrip("/")


def _standing(worker: Worker) -> dict[str, Any]:
    is_approved = worker.standing == Worker.Standing.APPROVED
    return {
        "look": words.LOOKS[worker.standing],
        "word": words.STANDINGS[Worker.Standing(worker.standing)],
        "why": worker.standing_why,
        "desired": worker.desired if worker.desired != Worker.Desired.RUN and is_approved else "",
        "complaint": worker.complaint,
    }


def _presence(worker: Any) -> dict[str, Any]:
    """By the database's clock, as `fresh_since` is."""
    now = worker.fresh_since + timedelta(seconds=ONLINE_SECONDS)
    return {
        "is_there": _is_there(worker),
        "seen_at": worker.seen_at,
        "ago": length((now - worker.seen_at).total_seconds()) if worker.seen_at else "",
    }


def _running(build: Build, worker: Any, *, log: bool = False) -> dict[str, Any]:
    now = worker.fresh_since + timedelta(seconds=ONLINE_SECONDS)
    return {
        "build": build,
        "url": reverse("admin:builders_build_change", args=[build.pk]),
        "phase": words.PHASES.get(build.phase, build.phase),
        "took": length((now - build.started_at).total_seconds()) if build.started_at else "",
        "log": log_tail(build, _LOG_BYTES) if log else "",
    }


def _machine(worker: Worker) -> dict[str, Any]:
    bars = [
        _bar("memory", worker.free_memory_mb, worker.memory_mb, settings.ASU_MIN_FREE_MEMORY_MB),
        _bar("disk", worker.free_disk_mb, worker.disk_mb, settings.ASU_MIN_FREE_MB),
    ]
    return {"worker": worker, "bars": list(filter(None, bars)), "busy_from": (worker.cpus or 0) * 0.9}


def _bar(name: str, free: int | None, whole: int | None, floor: int) -> dict[str, Any] | None:
    """How much is in use; full to the eye somewhat before the floor below which no build begins."""
    if free is None or not whole:
        return None
    return {
        "name": name,
        "used": max(0, whole - free),
        "whole": whole,
        "high": max(0, min(whole * 85 // 100, whole - 2 * floor)),
        "free": _size(free),
        "of": _size(whole),
    }


def _size(mb: int) -> str:
    return f"{mb / 1024:.{0 if mb >= 10240 else 1}f} GB" if mb >= 1024 else f"{mb} MB"


def _held(worker: Worker, request: HttpRequest) -> list[dict[str, str]]:
    sums = list(worker.holdings.order_by("sha256").values_list("sha256", flat=True))
    known = _names_of(sums, request)
    return sorted(
        ({"sha256": sha256, "name": known.get(sha256, "")} for sha256 in sums),
        key=lambda row: (not row["name"], row["name"]),
    )


def _names_of(sums: list[str], request: HttpRequest) -> dict[str, str]:
    """What each ImageBuilder is for: those of this machine know it, else the catalogue does."""
    known = {
        row.sha256: str(row) for row in roles.only_seen(request.user, ImageBuilder.objects.filter(sha256__in=sums))
    }
    offered = Target.objects.filter(imagebuilder_sha256__in=set(sums) - known.keys())
    rows = roles.only_seen(request.user, offered).values_list(
        "imagebuilder_sha256", "release__distribution__name", "release__version", "name"
    )
    return known | {sha256: " ".join(names) for sha256, *names in rows}


def _running_for(request: HttpRequest) -> "Prefetch[str, QuerySet[Build], str]":
    """What each builds, as far as this person may see it."""
    # By their numbers: a worker has had many thousands of builds, and SQLite would look at each for its state.
    building = list(Build.objects.building().order_by().values_list("pk", flat=True))
    rows = roles.only_seen(
        request.user, Build.objects.building().filter(pk__in=building).light().order_by("started_at")
    )
    return Prefetch("builds", rows, to_attr="running")


def _history(worker: Worker, request: HttpRequest) -> list[dict[str, Any]]:
    seen = roles.only_seen(request.user, Attempt.objects.filter(worker=worker))
    attempts = seen.order_by("-id").select_related("build")
    rows = attempts.only("epoch", "started_at", "ended_at", "outcome", "build__spec_hash", "build__distribution")
    return [attempt_row(row) for row in rows[:_MOST_ATTEMPTS]]
