"""The charts of the statistics: what each shows, as rows for its table and its downloads, and as a drawing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.utils import formats
from django.utils.functional import Promise, cached_property
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from builders.shown import length, visible
from stats import drawing, histogram, reading
from stats.drawing import Series, Words
from stats.reading import Scope
from stats.reasons import reason_words
from stats.tallies import (
    BUILDS,
    CLIENT,
    DEVICE,
    DOWNLOADS,
    FAILED,
    OTHERS,
    PACKAGE,
    REASON,
    RELEASE,
    TARGET,
    TOOK,
    WAIT,
)

MOST_BARS = 10
MOST_LINES = 50  # of a table
_MOST_COLUMNS = 92  # more days than that are drawn by week

Row = tuple[Any, ...]


class Column(NamedTuple):
    """Of a table: its name in downloads, its title, and what stands in it."""

    name: str
    title: str | Promise
    meaning: str  # English, as all that programs read

    @property
    def is_number(self) -> bool:
        """Whether it is set to the right."""
        return self.name in ("images", "failed", "builds", "downloads", "below_seconds", "from_seconds")


DAY = Column("day", _("Day"), "the day, by UTC")
DISTRIBUTION = Column("distribution", _("Distribution"), "the name of the distribution")
IMAGES = Column("images", _("Images"), "images built")


@dataclass(frozen=True)
class Chart:
    """One chart with its figures. Rows are in the order of its columns."""

    slug: str
    title: str
    columns: tuple[Column, ...]
    rows: list[Row]
    summary: str
    draw: Callable[["Chart"], str]
    legend: list[tuple[str, str]] = field(default_factory=list)  # (class, words)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for row in self.rows for value in row if isinstance(value, int | float))

    @cached_property
    def svg(self) -> SafeString:
        """The drawing; it escapes what it writes."""
        return mark_safe(self.draw(self))

    @property
    def words(self) -> Words:
        """For screen readers."""
        return Words(f"chart-{self.slug}", self.title, self.summary)

    @property
    def lines(self) -> SafeString:
        """The rows of the table, no more than one wants to read; a template would take half of the time for it."""
        rows = by_week(self.rows) if self.is_by_day else self.rows[:MOST_LINES]
        starts = ['<td class="number">' if column.is_number else "<td>" for column in self.columns]
        cells = (zip(starts, map(_shown, row), strict=True) for row in rows)
        return mark_safe(
            "".join(f"<tr>{''.join(f'{start}{value}</td>' for start, value in row)}</tr>" for row in cells)
        )

    @property
    def is_by_day(self) -> bool:
        """Whether each row is a day."""
        return self.columns[0] is DAY

    @property
    def is_by_week(self) -> bool:
        """Whether there are so many days that drawing and table have whole weeks."""
        return self.is_by_day and len(self.rows) > _MOST_COLUMNS

    @property
    def is_cut(self) -> bool:
        """Whether the table has less than the downloads."""
        return not self.is_by_day and len(self.rows) > MOST_LINES


@dataclass
class Figures:
    """What all charts of a page are made of: a handful of questions to the database, each asked when needed."""

    scope: Scope

    @cached_property
    def by_day(self) -> Mapping[str, Mapping[date, int]]:
        """See `reading.by_day`."""
        return reading.by_day(self.scope)

    @cached_property
    def by_key(self) -> Mapping[str, Mapping[tuple[str, str], int]]:
        """See `reading.by_key`."""
        return reading.by_key(self.scope)

    @property
    def days(self) -> list[date]:
        """Of the period."""
        return [self.scope.first_day + timedelta(days=number) for number in range(self.scope.days)]

    def of_day(self, name: str, day: date) -> int:
        """A total."""
        return self.by_day.get(name, {}).get(day, 0)

    def keys(self, name: str) -> list[tuple[str, int]]:
        """The keys of a counter, the most frequent first, others last."""
        counts = reading.keys_alone(self.by_key.get(name, {}))
        return sorted(counts.items(), key=lambda item: (item[0] == OTHERS, -item[1], item[0]))


# -- by day ----------------------------------------------------------------------------------------------------


def _builds(figures: Figures) -> Chart:
    rows: list[Row] = [(day, figures.of_day(BUILDS, day), figures.of_day(FAILED, day)) for day in figures.days]
    built, failed = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return Chart(
        slug="builds",
        title=gettext("Builds per day"),
        columns=(DAY, IMAGES, Column("failed", _("Failed"), "builds that failed")),
        rows=rows,
        summary=" ".join(
            (
                ngettext("%(n)s image was built.", "%(n)s images were built.", built) % {"n": _number(built)},
                ngettext("%(n)s build failed.", "%(n)s builds failed.", failed) % {"n": _number(failed)},
            )
        ),
        draw=_draw_days,
        legend=[("one", gettext("images built")), ("two", gettext("failed"))],
    )


def _downloads(figures: Figures) -> Chart:
    rows: list[Row] = [(day, figures.of_day(DOWNLOADS, day)) for day in figures.days]
    total = sum(row[1] for row in rows)
    return Chart(
        slug="downloads",
        title=gettext("Downloads per day"),
        columns=(DAY, Column("downloads", _("Downloads"), "files of images downloaded to their end")),
        rows=rows,
        summary=ngettext("%(n)s file was downloaded.", "%(n)s files were downloaded.", total) % {"n": _number(total)},
        draw=_draw_days,
    )


def by_week(rows: list[Row]) -> list[Row]:
    """Rows of days as they are, if they are few; else those of whole weeks, by their first day. The last ends today."""
    if len(rows) <= _MOST_COLUMNS:
        return rows
    weeks = [rows[max(0, end - 7) : end] for end in range(len(rows), 0, -7)][::-1]
    return [(week[0][0], *(sum(row[i] for row in week) for i in range(1, len(week[0])))) for week in weeks]


def _draw_days(chart: Chart) -> str:
    rows = by_week(chart.rows)
    labels = [formats.date_format(row[0], "SHORT_DATE_FORMAT") if len(rows) <= 3 else f"{row[0]:%m-%d}" for row in rows]
    kinds = ("one", "two")
    series = [Series(kinds[i - 1], [row[i] for row in rows]) for i in range(1, len(chart.columns))]
    return drawing.columns(series, labels, chart.words)


# -- by key ----------------------------------------------------------------------------------------------------


def _by_distribution(figures: Figures) -> Chart:
    counts = {where: count for (where, _key), count in figures.by_key.get(BUILDS, {}).items()}
    rows: list[Row] = [(where, count) for where, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    titles = figures.scope.titles
    return _bars(
        "distributions", gettext("By distribution"), (DISTRIBUTION, IMAGES), rows, name=lambda row: titles[row[0]]
    )


def _releases(figures: Figures) -> Chart:
    counts = figures.by_key.get(RELEASE, {})
    rows: list[Row] = [
        (where, key or None, count)
        for (where, key), count in sorted(counts.items(), key=lambda item: (item[0][1] == OTHERS, -item[1], item[0]))
    ]
    titles = figures.scope.titles
    return _bars(
        "releases",
        gettext("By release"),
        (DISTRIBUTION, Column("release", _("Release"), "the release; empty: all others"), IMAGES),
        rows,
        name=lambda row: f"{titles[row[0]]} {row[1] or gettext('others')}",
    )


def _of_keys(
    slug: str, counter: str, title: str | Promise, column: Column, value: Column = IMAGES
) -> Callable[[Figures], Chart]:
    def make(figures: Figures) -> Chart:
        rows: list[Row] = [(key or None, count) for key, count in figures.keys(counter)]
        return _bars(slug, str(title), (column, value), rows, name=lambda row: row[0] or gettext("others"))

    return make


def _devices(figures: Figures) -> Chart:
    rows: list[Row] = []
    for key, count in figures.keys(DEVICE):
        target, _slash, profile = key.rpartition("/")
        rows.append((target or None, profile or None, count))
    columns = (Column("target", _("Target"), "its target"), Column("profile", _("Device"), "the profile"), IMAGES)
    return _bars(
        "devices",
        gettext("Devices"),
        columns,
        rows,
        name=lambda row: f"{row[1]} ({row[0]})" if row[1] else gettext("others"),
    )


def _reasons(figures: Figures) -> Chart:
    rows: list[Row] = [(key, count) for key, count in figures.keys(REASON)]
    columns = (
        Column("reason", _("Reason"), "the reason, one word"),
        Column("builds", _("Builds"), "builds that failed so"),
    )
    return _bars("reasons", gettext("Why builds failed"), columns, rows, name=lambda row: reason_words(row[0]))


def _bars(slug: str, title: str, columns: tuple[Column, ...], rows: list[Row], *, name: Callable[[Row], str]) -> Chart:
    def draw(chart: Chart) -> str:
        # Those without a row of their own come last, and have no name either.
        shown = [row for row in chart.rows[:MOST_BARS] if row[-2] is not None]
        rest = sum(row[-1] for row in chart.rows) - sum(row[-1] for row in shown)
        others = (gettext("others"), rest) if rest else None
        return drawing.bars([(name(row), row[-1]) for row in shown], chart.words, rest=others)

    total = sum(row[-1] for row in rows)
    first = (
        gettext("Most often: %(name)s, %(n)s.") % {"name": name(rows[0]), "n": _number(rows[0][-1])} if total else ""
    )
    return Chart(slug, title, columns, rows, first, draw)


# -- lengths of time -------------------------------------------------------------------------------------------


def _times(slug: str, counter: str, title: str | Promise) -> Callable[[Figures], Chart]:
    def make(figures: Figures) -> Chart:
        counts = dict(figures.keys(counter))
        used = [key for key in histogram.KEYS if counts.get(key)]
        keys = histogram.KEYS[: histogram.KEYS.index(used[-1]) + 1] if used else ()
        rows: list[Row] = [(*histogram.ends(key), counts.get(key, 0)) for key in keys]
        return Chart(
            slug=slug,
            title=str(title),
            columns=(
                Column("from_seconds", _("From"), "seconds, at least (but for the first row: more than)"),
                Column("below_seconds", _("To"), "seconds, at most; empty: no end"),
                IMAGES,
            ),
            rows=rows,
            summary=_median(counts),
            draw=_draw_times,
        )

    return make


def _median(counts: Mapping[str, int]) -> str:
    median, most = histogram.percentile(counts, 0.5), histogram.percentile(counts, 0.95)
    if median is None or most is None:
        return ""
    return gettext("Half of them took at most %(median)s, 95 of 100 at most %(most)s.") % {
        "median": length(median),
        "most": length(most),
    }


def _draw_times(chart: Chart) -> str:
    labels = [f"≤ {length(high)}" if high is not None else f"> {length(low)}" for low, high, _count in chart.rows]
    return drawing.columns([Series("one", [row[2] for row in chart.rows])], labels, chart.words)


_PACKAGE = Column("package", _("Package"), "the package; empty: all others")
_TARGET = Column("target", _("Target"), "the target; empty: all others")
_CLIENT = Column("client", _("Client"), "what asked for the image first")

# In the order of the page.
MAKERS: dict[str, Callable[[Figures], Chart]] = {
    "builds": _builds,
    "downloads": _downloads,
    "waits": _times("waits", WAIT, _("Waiting times")),
    "times": _times("times", TOOK, _("Build times")),
    "distributions": _by_distribution,
    "releases": _releases,
    "targets": _of_keys("targets", TARGET, _("By target"), _TARGET),
    "devices": _devices,
    "packages": _of_keys("packages", PACKAGE, _("Most asked packages"), _PACKAGE),
    "reasons": _reasons,
    "clients": _of_keys("clients", CLIENT, _("What people asked with"), _CLIENT),
}


def _shown(value: Any) -> str:
    """In a cell."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else escape(visible(value))


def _number(value: int) -> str:
    return formats.number_format(value, force_grouping=True)
