"""The statistics page and its downloads: what they show, to whom, and how quickly."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from images.models import ClientToken
from packages import generation
from packages.models import Distribution, Organisation
from stats import histogram, ledger, periods
from stats.charts import MAKERS
from stats.tallies import KEYED, TOTALS, Tally
from tests.stats.counters import fill

pytestmark = pytest.mark.django_db

TODAY = timezone.now().date


@pytest.fixture(autouse=True)
def distributions() -> Iterator[None]:
    for name in ("openwrt", "libremesh"):
        Distribution.objects.create(name=name, title=name.title(), url="https://example.org")
    generation.bump()
    yield


def page(client: Client, query: str = "", **headers: str) -> str:
    answer = client.get(f"/statistics/{query}", headers=headers)
    assert answer.status_code == 200
    return str(answer.content.decode())


def rows(client: Client, chart: str, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/statistics/{chart}.json{query}")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def count(name: str, key: str = "", n: int = 1, *, where: str = "openwrt", ago: int = 0, organisation: int = 0) -> None:
    ledger.add(TODAY() - timedelta(days=ago), {Tally(name, where, organisation, key): n})


def test_without_figures_it_says_so_and_draws_nothing(client: Client) -> None:
    text = page(client)

    assert "Nothing was counted yet" in text
    assert 'class="drawn"' not in text


def test_each_chart_has_a_drawing_a_table_and_downloads(client: Client) -> None:
    fill(days=3, distributions=["openwrt"])

    text = page(client)

    drawings = re.findall(r'<svg class="drawn".*?</svg>', text, re.DOTALL)
    assert len(drawings) == text.count("<table>") == len(MAKERS)
    for drawing in drawings:
        ElementTree.fromstring(drawing)
    for slug in MAKERS:
        assert f"/statistics/{slug}.csv?days=30" in text
    assert "style=" not in text


def test_the_figures_of_a_day_stand_in_its_line(client: Client) -> None:
    count("builds", n=3, ago=2)
    count("failed", n=1, ago=2)

    lines = {row["day"]: (row["images"], row["failed"]) for row in rows(client, "builds", "?days=7")}

    assert len(lines) == 7
    assert lines[(TODAY() - timedelta(days=2)).isoformat()] == (3, 1)
    assert "<td>" + (TODAY() - timedelta(days=2)).isoformat() in page(client, "?days=7")


def test_a_period_counts_its_days_and_no_others(client: Client) -> None:
    for ago in (0, 6, 7, 29, 30, 89, 364, 365):
        count("package", "vim", ago=ago)

    def total(days: int) -> int:
        return sum(row["images"] for row in rows(client, "packages", f"?days={days}"))

    before = [total(days) for days in periods.PERIODS]
    periods.refresh(TODAY())

    assert before == [total(days) for days in periods.PERIODS] == [2, 4, 6, 7]
    count("package", "vim")
    assert total(7) == 3  # today's come on top of the sums of the night


def test_a_distribution_can_be_chosen(client: Client) -> None:
    count("release", "24.10.2", 5)
    count("release", "2024.1", 7, where="libremesh")

    assert rows(client, "releases", "?distribution=libremesh") == [
        {"distribution": "libremesh", "release": "2024.1", "images": 7}
    ]
    assert len(rows(client, "releases")) == 2
    assert "24.10.2" not in page(client, "?distribution=libremesh")


def test_waits_are_told_by_median_and_by_the_longest(client: Client) -> None:
    count("wait", histogram.bucket(4), 90)
    count("wait", histogram.bucket(500), 10)

    assert "Half of them took at most 4 s, 95 of 100 at most 7 min." in page(client)


def test_many_keys_are_drawn_as_a_few_bars_and_the_others(client: Client) -> None:
    for number in range(30):
        count("package", f"package-{number:02}", 100 - number)

    text = page(client)

    drawing = re.search(r'<svg class="drawn"[^>]*chart-packages.*?</svg>', text, re.DOTALL)
    assert drawing is not None
    assert drawing[0].count('class="one"') == 10
    assert "others" in drawing[0]
    assert len(rows(client, "packages")) == 30


# -- downloads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evil", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_figure_becomes_a_formula_in_a_spreadsheet(client: Client, evil: str) -> None:
    count("package", evil)

    answer = client.get("/statistics/packages.csv")

    [title, line] = csv.reader(io.StringIO(answer.content.decode(), newline=""))
    assert title == ["package", "images"]
    assert line == [f"'{evil}", "1"]
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="packages-30-days')


@pytest.mark.parametrize("chart", sorted(MAKERS))
def test_json_explains_each_column_and_csv_has_the_same_rows(client: Client, chart: str) -> None:
    fill(days=2, distributions=["openwrt"])

    found = client.get(f"/statistics/{chart}.json").json()
    lines = list(csv.DictReader(io.StringIO(client.get(f"/statistics/{chart}.csv").content.decode())))

    assert found["rows"] and all(meaning for meaning in found["columns"].values())
    assert [list(row) for row in found["rows"]] == [list(found["columns"])] * len(lines)
    for row, line in zip(found["rows"], lines, strict=True):
        assert ["" if value is None else str(value) for value in row.values()] == list(line.values())


# -- bad input -------------------------------------------------------------------------------------------------

EVIL = ["%00", "%ff", "%ed%a0%80", "-1", "1e9", "9" * 5000, "a", "../", "%3Cscript%3E", "[]", "", "30%0a", "٣٠"]


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize("path", ["/statistics/", "/statistics/builds.csv", "/statistics/packages.json"])
def test_parameters_of_any_kind_give_a_page(client: Client, path: str, value: str) -> None:
    assert client.get(f"{path}?days={value}&days[]=1").status_code == 200
    expected = 200 if value == "" else 404
    assert client.get(f"{path}?distribution={value}").status_code == expected
    assert client.get(f"{path}?days={value}&distribution=openwrt").status_code == 200


@pytest.mark.parametrize("chart", ["nothing", "Builds", "__class__", "a" * 300, "builds%00"])
def test_a_chart_that_there_is_not_is_not_found(client: Client, chart: str) -> None:
    assert client.get(f"/statistics/{chart}.csv").status_code == 404
    assert client.get(f"/statistics/{chart}.json").status_code == 404


@pytest.mark.parametrize("path", ["/statistics/", "/statistics/builds.csv"])
def test_only_reading_is_possible(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
    assert client.head(path).status_code == 200


# -- who sees what ---------------------------------------------------------------------------------------------


def a_member_of(organisation: Organisation) -> dict[str, str]:
    import hashlib

    secret = "asu-client-" + "x" * 40
    ClientToken.objects.create(
        name="m", token_hash=hashlib.sha256(secret.encode()).hexdigest(), organisation=organisation
    )
    return {"Authorization": f"Bearer {secret}"}


def test_private_counts_are_in_no_figure_of_others(client: Client, admin_client: Client) -> None:
    meadow = Organisation.objects.create(name="meadow")
    Distribution.objects.create(name="secretnet", url="https://example.org", organisation=meadow)
    generation.bump()
    for name in (*KEYED, *TOTALS):
        key = "" if name in TOTALS else histogram.KEYS[3]
        count(name, key, 100, where="secretnet")  # of before builds were counted by organisation
        count(name, key, 10, where="secretnet", organisation=meadow.pk)
        count(name, key, 1000, organisation=meadow.pk)  # on a public distribution, but private
        count(name, key, 1)
    before = {chart: rows(client, chart) for chart in MAKERS}
    periods.refresh(TODAY() + timedelta(days=1))

    for chart, shown in before.items():
        assert sum(row[list(row)[-1]] for row in shown) in (0, 1), chart
    assert sum(row["images"] for row in rows(client, "builds")) == 1
    assert "secretnet" not in page(client)
    assert sum(row["images"] for row in rows(admin_client, "builds")) == 1111


def test_what_a_distribution_was_before_it_was_deleted_is_not_told(client: Client) -> None:
    count("builds", n=5, where="long-gone")

    assert sum(row["images"] for row in rows(client, "builds")) == 0
    assert client.get("/statistics/?distribution=long-gone").status_code == 404


def test_hostile_words_are_text(client: Client) -> None:
    count("package", "<script>alert(1)</script>\u202e")
    Distribution.objects.filter(name="openwrt").update(title="<b>Open</b>")
    count("release", "1")

    text = page(client)

    assert "<script>alert" not in text and "<b>Open" not in text


# -- speed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["?days=7", "?days=365", "?days=365&distribution=openwrt"])
def test_the_page_asks_little_of_the_database(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries, query: str
) -> None:
    fill(days=3, distributions=["openwrt", "libremesh"])
    periods.refresh(TODAY())
    page(client)

    with django_assert_max_num_queries(7):
        page(client, query)


def test_a_year_of_ten_distributions_is_no_heavy_page(client: Client) -> None:
    names = ["openwrt", "libremesh", *(f"flavour-{number}" for number in range(8))]
    for name in names[2:]:
        Distribution.objects.create(name=name, url="https://example.org")
    fill(days=30, distributions=names)
    periods.refresh(TODAY())

    text = page(client, "?days=365")

    assert len(text.encode()) < 80_000  # with styles and scripts below 100 kB
