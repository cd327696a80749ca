"""The same report twice at the same moment, as a proxy that repeats calls sends it."""

from functools import partial

import pytest

from builders.models import Attempt, Build
from builders.states import State
from images.models import Image
from tests.builders.api.caller import IMAGE, Caller, approved, wanted
from tests.races import at_once


@pytest.mark.django_db(transaction=True)
def test_a_report_that_comes_twice_at_once_finishes_the_build_once() -> None:
    caller, files = approved(), {IMAGE: b"image" * 1000}
    for _ in range(8):
        build = wanted()
        lease = caller.lease()
        assert lease is not None
        assert caller.put(lease, 0, files[IMAGE]).status == 200

        callers = [Caller(caller.token, caller.instance) for _ in range(2)]

        answers = at_once(*[partial(each.report, lease, files) for each in callers])

        assert [(said.status, said.words["state"]) for said in answers] == [(200, State.DONE)] * 2
        assert Attempt.objects.filter(build=build, outcome=State.DONE).count() == 1
    assert Build.objects.filter(state=State.DONE).count() == Image.objects.count() == 8
