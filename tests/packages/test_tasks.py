"""Queue entries and the schedule."""

import fcntl

import pytest
from django.core.management import call_command
from django_q.models import Schedule
from pytest_django import Settings

from packages import tasks
from packages.models import Distribution, Target
from packages.sync import sync_distribution
from tests.packages.mirrors import Server

pytestmark = pytest.mark.django_db


def test_migrate_makes_one_schedule_with_the_minutes_of_the_settings(settings: Settings) -> None:
    settings.ASU_SYNC_MINUTES = 17

    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)

    schedule = Schedule.objects.get(name="asu-sync")
    assert (schedule.func, schedule.minutes, schedule.repeats) == ("packages.tasks.sync_all", 17, -1)


def test_sync_all_takes_every_enabled_distribution(distribution: Distribution, server: Server) -> None:
    Distribution.objects.create(name="down", url="http://127.0.0.1:1")
    Distribution.objects.create(name="off", url=server.url, is_enabled=False)

    tasks.sync_all()

    assert distribution.releases.count() == 3
    assert Distribution.objects.get(name="down").stale_since is not None
    assert not Distribution.objects.get(name="off").releases.exists()


def test_two_syncs_never_run_at_once(distribution: Distribution, settings: Settings) -> None:
    with (settings.ASU_RUN_DIR / "sync.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tasks.sync_all()

    assert not distribution.releases.exists()


def test_complete_reads_a_target_and_records_a_failure(distribution: Distribution, server: Server) -> None:
    sync_distribution(distribution)
    good = Target.objects.get(release__version="24.10.2", name="ath79/generic")
    bad = Target.objects.get(release__version="24.10.2", name="x86/64")

    for pk in (good.pk, bad.pk, 10**9):
        tasks.complete(pk)

    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.is_complete
    assert not bad.is_complete
    assert "ImageBuilder" in bad.sync_error or "x86/64" in bad.sync_error


def test_one_release_can_be_synced_alone(distribution: Distribution) -> None:
    tasks.sync_one(distribution.pk, "24.10.2")
    tasks.sync_one(10**9)

    assert Target.objects.filter(release__version="24.10.2").count() == 2
    assert not Target.objects.filter(release__version="23.05.5").exists()
