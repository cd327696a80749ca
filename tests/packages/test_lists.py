"""Lists over very many rows: pages by keys, counts that are not counted, searches by a beginning."""

import random
from typing import Any

import pytest
from django.db.models import Q

from builders.models import ImageBuilder
from packages.lists import counts, search
from packages.lists.counts import Count
from packages.lists.keyset import Cursor, Order, Page, page

pytestmark = pytest.mark.django_db

SIZE = 4


def add(*targets: str) -> list[int]:
    """Rows with these targets, in this order."""
    start = ImageBuilder.objects.count()
    rows = [
        ImageBuilder(sha256=f"{start + number:064x}", distribution="demo", version="1.0", target=target, url="x")
        for number, target in enumerate(targets)
    ]
    return [row.pk for row in ImageBuilder.objects.bulk_create(rows)]


def look(order: Order, cursor: str = "", *conditions: Q) -> Page:
    rows = ImageBuilder.objects.order_by()
    branches = [rows.filter(condition) for condition in conditions] or [rows]
    return page(branches, rows, order, Cursor.read(cursor, order, ImageBuilder), SIZE)


def walk(order: Order, *, back: bool = False, meanwhile: Any = lambda: None) -> list[int]:
    """All pages, one after the other; backwards from the last one."""
    seen, cursor = [], "last" if back else ""
    while True:
        found = look(order, cursor)
        seen.append([row.pk for row in found.rows])
        cursor = found.previous if back else found.next
        if not cursor:
            break
        meanwhile()
    return [pk for pks in (reversed(seen) if back else seen) for pk in pks]


ORDERS = [Order(), Order(is_descending=False), Order("target"), Order("target", is_descending=False), Order("sha256")]


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_paging_through_gives_each_row_once_in_order(order: Order) -> None:
    chance = random.Random(3)
    add(*(chance.choice("abc") for _ in range(27)))
    wanted = list(ImageBuilder.objects.order_by(*order.names()).values_list("pk", flat=True))

    assert walk(order) == wanted


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_rows_that_come_meanwhile_neither_repeat_nor_hide_others(order: Order) -> None:
    chance = random.Random(4)
    before = set(add(*(chance.choice("abc") for _ in range(30))))

    seen = walk(order, meanwhile=lambda: add("a", "c"))

    assert len(seen) == len(set(seen))
    assert before <= set(seen)


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_going_back_from_the_last_page_shows_each_row_too(order: Order) -> None:
    chance = random.Random(5)
    rows = set(add(*(chance.choice("ab") for _ in range(22))))

    seen = walk(order, back=True)

    # Where the list begins a whole page is shown, so a few rows are seen again there.
    assert set(seen) == rows
    assert seen[:SIZE] == list(ImageBuilder.objects.order_by(*order.names()).values_list("pk", flat=True)[:SIZE])


def test_next_and_then_previous_is_the_same_page() -> None:
    add(*"abcdefghijklmno")
    first = look(Order("target"))
    second = look(Order("target"), first.next)

    third = look(Order("target"), second.next)

    assert look(Order("target"), third.previous).rows == second.rows
    assert look(Order("target"), second.previous).rows == first.rows


def test_a_row_that_several_branches_find_is_shown_once() -> None:
    first, second, third = add("a", "b", "a")

    found = look(Order(), "", Q(target="a"), Q(pk__in=[first, second]))

    assert [row.pk for row in found.rows] == [third, second, first]


def test_the_end_has_no_next_page_and_the_beginning_no_previous() -> None:
    add(*"abcdef")

    first = look(Order())
    second = look(Order(), first.next)

    assert (first.previous, bool(first.next)) == ("", True)
    assert (bool(second.previous), second.next) == (True, "")
    assert len(second.rows) == 2


HOSTILE = [
    *("after", "after.", "after.!!!", "before.W10", "last.x", "after.bnVsbA", "after.WyJcdTAwMDAiLDFd", "x" * 5000),
    *("after.WzFlOTk5XQ", "after.W3RydWVd", "after.WyJhIl0", "after.Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ"),
    *("after.WyJcdWQ4MDAiLDFd", "after." + "W1tb" * 240, "\0", "5", "-1"),
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("order", [Order(), Order("target")], ids=repr)
def test_a_cursor_that_makes_no_sense_is_the_first_page(text: str, order: Order) -> None:
    add("a", "b")

    assert len(look(order, text).rows) == 2


# -- counts ------------------------------------------------------------------------------------------------


def test_few_rows_are_counted_exactly() -> None:
    add("a", "b")
    ImageBuilder.objects.first().delete()  # type: ignore[union-attr]

    assert counts.whole(ImageBuilder.objects.all()) == Count(1)
    assert str(Count(1234)) == "1,234"


def test_many_rows_are_told_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_estimate", lambda rows: 1_234_567)

    assert str(counts.whole(ImageBuilder.objects.all())) == "about 1,200,000"


def test_what_a_filter_leaves_is_counted_so_far() -> None:
    add("a", "a", "a", "b")

    assert counts.up_to(ImageBuilder.objects.filter(target="a"), 3) == Count(3)
    assert str(counts.up_to(ImageBuilder.objects.filter(target="a"), 2)) == "more than 2"


# -- searching ---------------------------------------------------------------------------------------------


def found(term: str) -> list[str]:
    rows = ImageBuilder.objects.order_by("pk")
    conditions = search.conditions(rows, {"target": "text", "sha256": "hash"}, term)
    pks = {row.pk for condition in conditions for row in rows.filter(condition)}
    return [row.target for row in rows if row.pk in pks]


def test_a_search_finds_by_the_beginning_in_the_spelling_given() -> None:
    add("ath79/generic", "ath79/nand", "x-ath79", "ATH79", "ath8", "at%79")

    assert found("ath79") == ["ath79/generic", "ath79/nand"]
    assert found(" ath79/n ") == ["ath79/nand"]
    assert found("at%") == ["at%79"]
    assert found("at_79") == []


@pytest.mark.parametrize("term", ["", "a", "\0\0", "ab\0", "x" * 5000, "\ud800\ud800", "a\nb", "\u202eab"], ids=ascii)
def test_what_cannot_be_searched_for_finds_nothing(term: str) -> None:
    add("ath79/generic")

    assert found(term) == []
