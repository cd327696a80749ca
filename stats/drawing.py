"""Charts as SVG: data in, text out. Pure.

They have no colours and no style attributes of their own: `static/pages/charts.css` gives the classes the colours of
the theme. A chart is drawn 360 units wide, as many as a phone has pixels, so its text is legible there and larger
elsewhere. Screen readers get a title and a description; the figures stand in the table beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from builders.shown import visible

WIDTH = 360
HEIGHT = 168  # of a chart of columns
_LEFT, _TOP, _BOTTOM = 38, 10, 24  # room for figures on the left, days below
_ROW = 36  # of a chart of bars
_LABEL = 42  # characters that fit beside the figure


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one kind, one for each column; `kind` names its class: `one`, `two`."""

    kind: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Words:
    """What a screen reader says of a chart. `name`: a word that no other chart of the page has."""

    name: str
    title: str
    description: str


def columns(series: Sequence[Series], labels: Sequence[str], words: Words, *, height: int = HEIGHT) -> str:
    """Columns side by side, the series on top of each other; few of the labels are written below."""
    stacks = [[_clean(value) for value in one.values] for one in series]
    count = max(map(len, stacks), default=0)
    top = _nice_top(max((sum(stack[i] for stack in stacks if i < len(stack)) for i in range(count)), default=0.0))
    plot = height - _TOP - _BOTTOM
    parts = [_grid(top, plot)]
    floors = [0.0] * count
    for one, stack in zip(series, stacks, strict=True):
        path = []
        for number, value in enumerate(stack):
            if value:
                path.append(_column(number, count, floors[number] / top, value / top, plot))
                floors[number] += value
        if path:
            parts.append(f'<path class="{escape(one.kind)}" d="{"".join(path)}"/>')
    parts.append(_labels_below(labels[:count], count, height))
    return _svg("".join(parts), height, words)


def bars(rows: Sequence[tuple[str, float]], words: Words, *, rest: tuple[str, float] | None = None) -> str:
    """One below the other, the label above its bar. `rest`: what all others come to, without a bar."""
    values = [_clean(value) for _, value in rows]
    longest = max(values, default=0.0) or 1.0
    parts = []
    for number, ((label, _), value) in enumerate(zip(rows, values, strict=True)):
        y = number * _ROW
        width = WIDTH * value / longest
        parts.append(
            f'{_labelled(label, value, y)}<rect class="track" x="0" y="{y + 20}" width="{WIDTH}" height="8" rx="4"/>'
        )
        if value:
            parts.append(f'<rect class="one" x="0" y="{y + 20}" width="{_n(max(width, 4))}" height="8" rx="4"/>')
    height = max(1, len(rows)) * _ROW
    if rest is not None:
        parts.append(_labelled(rest[0], _clean(rest[1]), height))
        height += _ROW // 2 + 2
    return _svg("".join(parts), height, words)


def _labelled(label: str, value: float, y: int) -> str:
    return (
        f'<text class="label" x="0" y="{y + 14}">{_short(label)}</text>'
        f'<text class="figure" x="{WIDTH}" y="{y + 14}" text-anchor="end">{figure(value)}</text>'
    )


def figure(value: float) -> str:
    """As an axis has room for it: 950, 12k, 1.5M."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 10 * size or (value >= size and value % size == 0):
            return f"{value / size:.0f}{letter}"
        if value >= size:
            return f"{value / size:.1f}{letter}"
    return f"{value:g}" if value == int(value) else f"{value:.1f}"


def _svg(inside: str, height: int, words: Words) -> str:
    name = escape(words.name)
    return (
        f'<svg class="drawn" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(visible(words.title))}</title>'
        f'<desc id="{name}-d">{escape(visible(words.description))}</desc>{inside}</svg>'
    )


def _grid(top: float, plot: int) -> str:
    lines = []
    for step in range(3):
        y = _n(_TOP + plot * (1 - step / 2))
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH}" y1="{y}" y2="{y}"/>'
            f'<text class="axis" x="{_LEFT - 6}" y="{float(y) + 4:g}" text-anchor="end">{figure(top * step / 2)}</text>'
        )
    return "".join(lines)


def _column(number: int, count: int, floor: float, share: float, plot: int) -> str:
    room = (WIDTH - _LEFT) / count
    gap = min(room * 0.25, 4)
    x, width = _LEFT + number * room + gap / 2, room - gap
    high = plot * share
    y = _TOP + plot * (1 - floor) - high
    return f"M{_n(x)} {_n(max(y, _TOP))}h{_n(width)}v{_n(high)}h-{_n(width)}z"


def _labels_below(labels: Sequence[str], count: int, height: int) -> str:
    """The first, the last, and one in the middle where they are far enough apart."""
    if not labels:
        return ""
    room = (WIDTH - _LEFT) / count
    chosen = {0: "start", len(labels) // 2: "middle", len(labels) - 1: "end"} if len(labels) > 2 else {0: "start"}
    if len(labels) == 2:
        chosen[1] = "end"
    texts = []
    for number, anchor in chosen.items():
        x = {"start": _LEFT, "end": WIDTH, "middle": _LEFT + (number + 0.5) * room}[anchor]
        text = _short(labels[number], 14)
        texts.append(f'<text class="axis" x="{_n(x)}" y="{height - 6}" text-anchor="{anchor}">{text}</text>')
    return "".join(texts)


def _nice_top(highest: float) -> float:
    """The end of the axis: 2, 4, 10, 20, 40, 100 ..., so that its middle is a round figure too."""
    if highest <= 2:
        return 2.0
    size = 10.0 ** math.floor(math.log10(highest))
    return next((size * factor for factor in (1, 2, 4, 6, 8) if size * factor >= highest), size * 10)


def _clean(value: float) -> float:
    """What can be drawn; anything else is nothing."""
    return min(float(value), 1e15) if math.isfinite(value) and value > 0 else 0.0


def _short(text: str, most: int = _LABEL) -> str:
    text = visible(text)
    return escape(text if len(text) <= most else f"{text[: most - 1]}…")


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
