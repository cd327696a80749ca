"""The same report twice at the same moment, as a proxy that repeats calls sends it."""

import threading

import pytest
from django.db import connection

from builders.models import Attempt, Build
from builders.states import State
from images.models import Image
from tests.builders.api.caller import IMAGE, Caller, Said, approved, wanted


@pytest.mark.django_db(transaction=True)
def test_a_report_that_comes_twice_at_once_finishes_the_build_once() -> None:
    caller, files = approved(), {IMAGE: b"image" * 1000}
    for _ in range(8):
        build = wanted()
        lease = caller.lease()
        assert lease is not None
        assert caller.put(lease, 0, files[IMAGE]).status == 200

        answers = at_once(caller, lease, files)

        assert [(said.status, said.words["state"]) for said in answers] == [(200, State.DONE)] * 2
        assert Attempt.objects.filter(build=build, outcome=State.DONE).count() == 1
    assert Build.objects.filter(state=State.DONE).count() == Image.objects.count() == 8


def at_once(caller: Caller, lease: dict[str, int], files: dict[str, bytes]) -> list[Said]:
    """The answers to two equal reports."""
    answers: list[Said] = []
    start = threading.Barrier(2)

    def report() -> None:
        start.wait()
        try:
            answers.append(Caller(caller.token, caller.instance).report(lease, files))
        finally:
            connection.close()

    threads = [threading.Thread(target=report) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
