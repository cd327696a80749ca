"""What is known of how big an image may be, and where it is known from."""

import json
from typing import Any

import pytest

from builders.outcome import size_limit
from builders.queue import fail
from builders.spec import BuildFailedError, FeedSpec
from builders.states import Reason
from packages import flash_limits
from packages.models import FlashLimit
from packages.parsing import profiles
from tests.factories import make_lease, make_spec

MIB = 1024 * 1024
LOG = """WARNING: Image file build_dir/tmp/x-squashfs-factory.bin is too big: 9437184 > 8126464
WARNING: Image file build_dir/tmp/x-squashfs-sysupgrade.bin is too big: 9437184 > 7995392
"""


def _profile(limits: Any) -> int:
    document = {"profiles": {"a": {"file_size_limits": limits}}, "target": "ath79/generic"}
    return profiles.parse(json.dumps(document)).profiles[0].size_limit


def test_the_mirror_says_it_in_new_releases() -> None:
    assert _profile({"image": 16 * MIB}) == 16 * MIB


@pytest.mark.parametrize("odd", [None, [], {}, {"image": None}, {"image": True}, {"image": -5}, {"image": "9"}, 5])
def test_what_is_odd_is_not_told(odd: Any) -> None:
    assert _profile(odd) == 0


def test_a_log_tells_it_of_the_image_to_upgrade_with() -> None:
    assert size_limit(LOG, "") == 7995392
    assert size_limit("", LOG.splitlines()[0]) == 8126464
    assert size_limit("images are too big by 9195891 bytes", "") is None


def _failed(reason: Reason = Reason.IMAGE_TOO_BIG, **changes: Any) -> None:
    lease, worker = make_lease(spec=make_spec(**changes))
    fail(lease, worker, BuildFailedError(reason, "Too big.", stderr=LOG), is_final=True)


@pytest.mark.django_db
def test_a_build_that_was_too_big_teaches_the_limit_of_its_device() -> None:
    _failed()

    assert flash_limits.known(["demo"], "hill/small", "tiny") == 7995392
    assert flash_limits.known(["demo"], "hill/small", "other") is None
    assert flash_limits.known(["flavour", "demo"], "hill/small", "tiny") == 7995392


@pytest.mark.django_db
def test_neither_another_failure_nor_a_strangers_package_teaches_any() -> None:
    _failed(Reason.SCRIPT_FAILED)
    extra = FeedSpec("mine", "extra", "opkg", "http://localhost/mine", "3" * 64)
    _failed(feeds=(extra,))

    assert not FlashLimit.objects.exists()


@pytest.mark.django_db
def test_what_the_mirror_says_counts_more_than_a_log() -> None:
    flash_limits.learn("demo", "hill/small", {"tiny": 8 * MIB}, FlashLimit.Source.MIRROR)

    _failed()

    assert flash_limits.known(["demo"], "hill/small", "tiny") == 8 * MIB


@pytest.mark.django_db
def test_sizes_that_no_device_has_are_not_kept() -> None:
    flash_limits.learn("demo", "hill/small", {"a": 1, "b": 1 << 50, "c": 0}, FlashLimit.Source.BUILD)

    assert not FlashLimit.objects.exists()
