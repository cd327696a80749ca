"""Lists and pages that keep marked parts of themselves fresh: `static/admin-live.js` asks for them, every two seconds.

The parts are made by the same code for the page and for later, so a page without JavaScript shows all, once.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

SECONDS = 2
_MOST_MESSAGES = 10
_MOST_ROWS = 200  # as many as a list may show
_ID = re.compile(r"[0-9]{1,18}")

Parts = dict[str, SafeString]


class LiveAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list whose `live_columns` stay fresh, pages with `parts_of`, and buttons that POST to `press`."""

    notes_itself = True  # each thing that is done calls `note`: see `packages.scoped`
    live_columns: tuple[str, ...] = ()  # names of methods that take a row and give its HTML
    parts_folder = "admin/packages"  # of the templates of its parts
    orders: tuple[str, ...] = ()  # what buttons may ask for: names of actions

    class Media:
        css = {"all": ["admin-farm.css"]}
        js = ["admin-live.js"]

    # -- for subclasses ------------------------------------------------------------------------------------

    def parts_of(self, request: HttpRequest, row: Any) -> Parts:
        """The parts of a row's page, by name."""
        return {}

    def parts_of_list(self, request: HttpRequest) -> Parts:
        """The parts of the list besides its cells."""
        return {}

    def prepare(self, rows: list[Any]) -> None:
        """Look up what the cells of the list need that does not stay fresh."""

    def is_over(self, row: Any) -> bool:
        """Whether nothing on the row's page will change by itself."""
        return False

    def press(self, request: HttpRequest, row: Any) -> HttpResponse | None:
        """A button was pressed by somebody who may; None: back to where the button was."""
        order = request.POST.get("order", "")
        if order not in self.orders:
            return self.no_button(request)
        answer: HttpResponse | None = getattr(self, order)(request, [row])
        return answer

    def no_button(self, request: HttpRequest) -> HttpResponse | None:
        """Say that what was pressed is none."""
        self.message_user(request, gettext("There is no such button. Load the page again."), messages.ERROR)
        return None

    def may_press(self, request: HttpRequest) -> bool:
        """Whether buttons are for this person."""
        return self.has_change_permission(request)

    def cell(self, name: str, row: Any) -> SafeString:
        """A cell of the list that stays fresh."""
        return format_html('<div data-part="{}-{}">{}</div>', name, row.pk, getattr(self, f"{name}_html")(row))

    def part(self, template: str, request: HttpRequest | None = None, **context: Any) -> SafeString:
        """A part, from a template below `parts_folder`."""
        return SafeString(render_to_string(f"{self.parts_folder}/{template}", context, request))

    def note(self, request: HttpRequest, rows: Sequence[Model], what: str) -> None:
        """Each of them gets an entry in the admin's log."""
        LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, what)  # type: ignore[arg-type]

    def tell(self, request: HttpRequest, sentences: Sequence[str], level: int = messages.SUCCESS) -> None:
        """Messages, not too many of them."""
        for sentence in sentences[:_MOST_MESSAGES]:
            self.message_user(request, sentence, level)
        if len(sentences) > _MOST_MESSAGES:
            self.message_user(
                request, gettext("And %(count)d more.") % {"count": len(sentences) - _MOST_MESSAGES}, level
            )

    # -- pages ---------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """The stock ones, and what pages ask for."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("live/", self._guarded(self._live_list), name=f"{name}_live_list"),
            path("<int:pk>/live/", self._guarded(self._live_page), name=f"{name}_live"),
            path("<int:pk>/press/", self.admin_site.admin_view(require_POST(self._press)), name=f"{name}_press"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """With the parts, and where they are to be had: by the rows' ids, as searching and counting again is dear."""
        response = super().changelist_view(request, {"live_seconds": SECONDS, **(extra_context or {})})
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            rows = context["cl"].result_list = list(context["cl"].result_list)
            ids = ",".join(str(row.pk) for row in rows)
            context |= {"live_url": f"{self._address('live_list')}?ids={ids}", "parts": self.parts_of_list(request)}
            self.prepare(rows)
        return response

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The same for the page of a row."""
        if (row := context.get("original")) is not None:
            context |= {
                "live_url": "" if self.is_over(row) else self._address("live", row.pk),
                "live_seconds": SECONDS,
                "press_url": self._address("press", row.pk),
                "parts": self.parts_of(request, row),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def _address(self, what: str, *args: int) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{what}", args=args)

    def _guarded(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """For those who may look at the rows."""

        def look(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(request, **kwargs)

        return self.admin_site.admin_view(require_safe(look))

    def _live_list(self, request: HttpRequest) -> HttpResponse:
        ids = [int(word) for word in request.GET.get("ids", "").split(",")[:_MOST_ROWS] if _ID.fullmatch(word)]
        rows = self.get_queryset(request).filter(pk__in=ids)
        if isinstance(self.list_select_related, tuple):
            rows = rows.select_related(*self.list_select_related)
        cells = {f"{name}-{row.pk}": getattr(self, f"{name}_html")(row) for row in rows for name in self.live_columns}
        return JsonResponse({"parts": {**cells, **self.parts_of_list(request)}, "again": True})

    def _live_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._row(request, pk)
        return JsonResponse({"parts": self.parts_of(request, row), "again": not self.is_over(row)})

    def _press(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.may_press(request):
            raise PermissionDenied
        answer = self.press(request, self._row(request, pk))
        if answer is not None:
            return answer
        if request.GET.get("back") == "today":
            return HttpResponseRedirect(reverse("admin:index"))
        if request.POST.get("back") == "list":
            return HttpResponseRedirect(self._address("changelist"))
        return HttpResponseRedirect(self._address("change", pk))

    def _row(self, request: HttpRequest, pk: int) -> Any:
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        return row
