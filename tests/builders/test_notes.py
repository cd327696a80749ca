"""Both ledgers tell the same of an ImageBuilder."""

from collections.abc import Callable

import pytest

from builders.ledger import DatabaseLedger
from builders.notes import Ledger, Notes
from builders.states import Phase
from tests.builders.fake_runner import make_spec

pytestmark = pytest.mark.django_db

SPEC = make_spec()
SHA256 = SPEC.imagebuilder.sha256


@pytest.fixture(params=[DatabaseLedger, Notes])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    make: Callable[[], Ledger] = request.param
    return make()


def test_of_what_nobody_asked_for_nothing_is_known(ledger: Ledger) -> None:
    assert ledger.look(SHA256) is None
    assert ledger.there() == []


@pytest.mark.parametrize(("done", "total", "percent"), [(0, 0, None), (5, 0, None), (5, 50, 10), (60, 50, 100)])
def test_others_see_how_far_a_download_is(ledger: Ledger, done: int, total: int, percent: int | None) -> None:
    ledger.downloading(SPEC, done, total)

    assert ledger.look(SHA256) == (Phase.DOWNLOAD_IMAGEBUILDER, percent)
    assert ledger.there() == [SHA256]


def test_others_see_it_being_unpacked(ledger: Ledger) -> None:
    ledger.unpacking(SPEC, 50)

    assert ledger.look(SHA256) == (Phase.UNPACK_IMAGEBUILDER, None)


def test_what_is_ready_is_there_and_nobody_works_on_it(ledger: Ledger) -> None:
    ledger.downloading(SPEC, 5, 50)
    ledger.ready(SPEC, 500)
    ledger.used(SPEC)

    assert ledger.look(SHA256) is None
    assert ledger.there() == [SHA256]


def test_what_failed_or_went_is_not_there(ledger: Ledger) -> None:
    ledger.downloading(SPEC, 5, 50)
    ledger.failed(SPEC, "The mirror is away.", is_broken=False)
    assert ledger.there() == []

    ledger.ready(SPEC, 500)
    ledger.gone(SHA256)
    assert ledger.there() == []
