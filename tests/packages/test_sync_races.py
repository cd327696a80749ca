"""Several at once: one set of rows, no error."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from packages.models import Distribution, Feed, Package, Profile, Target
from packages.sync import complete_target, sync_distribution


@pytest.mark.django_db(transaction=True)
def test_a_target_completed_by_several_at_once_is_complete_once(distribution: Distribution) -> None:
    sync_distribution(distribution)
    pk = Target.objects.get(release__version="24.10.2", name="ath79/generic").pk
    start = threading.Barrier(4)

    def complete() -> None:
        try:
            start.wait(10)
            complete_target(Target.objects.get(pk=pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(complete) for _ in range(4)]:
            future.result(60)

    assert Target.objects.get(pk=pk).is_complete
    assert (Profile.objects.count(), Feed.objects.count(), Package.objects.count()) == (2, 3, 5)
