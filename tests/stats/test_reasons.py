"""Why builds fail, in words."""

import pytest

from builders.states import Reason
from stats.reasons import reason_words


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_told_in_the_words_that_the_admin_uses(reason: Reason) -> None:
    assert reason_words(reason.value) == reason.label
