"""`/statistics/`, and each of its charts as CSV and JSON.

`days` is 7, 30, 90 or 365, anything else 30; `distribution` one that the viewer sees, or nothing for all. One that is
not there, or not for this viewer, is a page that does not exist.
"""

import csv
import io
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from images.viewers import viewer_of_page
from packages import names
from stats.charts import MAKERS, Chart, Figures
from stats.periods import PERIODS
from stats.reading import Scope, scope_of

_DEFAULT_DAYS = 30
# A spreadsheet takes what begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_safe
def statistics(request: HttpRequest) -> HttpResponse:
    """`/statistics/`."""
    scope = _scope(request)
    figures = Figures(scope)
    charts = [make(figures) for make in MAKERS.values()]
    context = {
        "scope": scope,
        "charts": [chart for chart in charts if not chart.is_empty],
        "without": [chart for chart in charts if chart.is_empty],
        "periods": PERIODS,
        "query": _query(scope),
    }
    return render(request, "stats/statistics.html", context)


@require_safe
def chart_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """`/statistics/<chart>.csv`: a row of titles, then the figures."""
    chart, scope = _chart(request, slug)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in chart.columns])
    writer.writerows([_safe(value) for value in row] for row in chart.rows)
    name = f"{slug}-{scope.days}-days-to-{scope.today}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


@require_safe
def chart_json(request: HttpRequest, slug: str) -> HttpResponse:
    """`/statistics/<chart>.json`: what the columns mean, and the rows as objects."""
    chart, scope = _chart(request, slug)
    names_of = [column.name for column in chart.columns]
    return JsonResponse(
        {
            "chart": slug,
            "distribution": scope.chosen,
            "from": scope.first_day,
            "to": scope.today,
            "columns": {column.name: column.meaning for column in chart.columns},
            "rows": [dict(zip(names_of, row, strict=True)) for row in chart.rows],
        }
    )


def _chart(request: HttpRequest, slug: str) -> tuple[Chart, Scope]:
    scope = _scope(request)
    if slug not in MAKERS:
        raise Http404
    return MAKERS[slug](Figures(scope)), scope


def _scope(request: HttpRequest) -> Scope:
    chosen = request.GET.get("distribution", "")
    # Nothing else can be a name, and some of it no database takes.
    if chosen and not names.DISTRIBUTION.fullmatch(chosen):
        raise Http404
    today = timezone.now().date()
    scope = scope_of(viewer_of_page(request), chosen=chosen, days=_days(request.GET.get("days", "")), today=today)
    if scope is None:
        raise Http404
    return scope


def _days(text: str) -> int:
    return next((days for days in PERIODS if text == str(days)), _DEFAULT_DAYS)


def _query(scope: Scope) -> str:
    """Of the links to downloads. Both are words of ours or of the catalogue."""
    return f"days={scope.days}" + (f"&distribution={scope.chosen}" if scope.chosen else "")


def _safe(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
