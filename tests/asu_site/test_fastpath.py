"""How much is kept, and for how long."""

from asu_site.fastpath import Answer, KeptAnswers


class Clock:
    """Time that passes when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def answer(size: int = 10) -> Answer:
    return "200 OK", [], b"x" * size


def kept(seconds: float = 5, max_answers: int = 3, max_bytes: int = 1000) -> tuple[KeptAnswers, Clock]:
    clock = Clock()
    return KeptAnswers(seconds, lambda: 1, clock, max_answers, max_bytes), clock


def test_an_answer_is_forgotten_after_its_time() -> None:
    answers, clock = kept(seconds=5)
    answers.keep(("/a", b""), answer(), 1)

    clock.now += 4
    assert answers.get(("/a", b"")) == answer()
    clock.now += 2
    assert answers.get(("/a", b"")) is None


def test_the_oldest_answers_go_when_there_are_too_many() -> None:
    answers, _ = kept(max_answers=3)

    for path in "abcd":
        answers.keep((path, b""), answer(), 1)

    assert [path for path in "abcd" if answers.get((path, b""))] == ["b", "c", "d"]


def test_the_oldest_answers_go_when_they_are_too_large_together() -> None:
    answers, _ = kept(max_answers=100, max_bytes=1000)

    for number in range(20):
        answers.keep((str(number), b""), answer(100), 1)

    assert [number for number in range(20) if answers.get((str(number), b""))] == list(range(10, 20))


def test_an_answer_that_would_push_out_most_others_is_not_kept() -> None:
    answers, _ = kept(max_bytes=1000)

    answers.keep(("/large", b""), answer(500), 1)

    assert answers.get(("/large", b"")) is None


def test_keeping_an_answer_again_takes_no_more_room() -> None:
    answers, _ = kept(max_answers=3, max_bytes=250)
    answers.keep(("/a", b""), answer(20), 1)

    for _ in range(50):
        answers.keep(("/b", b""), answer(20), 1)

    assert answers.get(("/a", b"")) == answer(20)


def test_answers_of_an_earlier_generation_are_gone() -> None:
    generation = [1]
    answers = KeptAnswers(5, lambda: generation[0], Clock())
    answers.keep(("/a", b""), answer(), 1)

    generation[0] = 2

    assert answers.get(("/a", b"")) is None
