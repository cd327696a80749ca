"""What each sync writes down: how far it is, what failed, what changed; one of a distribution at a time."""

import fcntl
import socket
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from packages import tasks
from packages.models import Distribution, SyncRun
from packages.sync import journal
from tests.packages.mirrors import MirrorFolder

pytestmark = pytest.mark.django_db
State = SyncRun.State
FEED = "releases/24.10.2/packages/mips_24kc/base"


def sync(distribution: Distribution, **part: Any) -> SyncRun:
    run = journal.ask(distribution, **part)
    journal.carry_out(run)
    run.refresh_from_db()
    return run


def is_queued(run: SyncRun) -> bool:
    return any(entry.task["args"] == (run.pk,) for entry in OrmQ.objects.all())


@pytest.fixture
def synced(distribution: Distribution) -> Distribution:
    sync(distribution, release="24.10.2", target="ath79/generic")
    sync(distribution)
    return distribution


def test_a_first_sync_tells_the_releases_and_the_stable_one(distribution: Distribution) -> None:
    run = sync(distribution)

    assert (run.state, run.errors, run.has_changes) == (State.DONE, [], True)
    assert set(run.changes["releases"]["new"]) == {"24.10.2", "23.05.5", "SNAPSHOT"}
    assert run.changes["targets"]["new"]["count"] == 4
    assert run.changes["stable"] == ["", "24.10.2"]
    assert run.started_at and run.finished_at


def test_nothing_new_is_no_change(synced: Distribution) -> None:
    run = sync(synced)

    assert (run.state, run.has_changes, run.changes) == (State.DONE, False, {})


def test_packages_of_a_feed_that_moved_are_told_with_their_versions(synced: Distribution, folder: MirrorFolder) -> None:
    folder.feed(FEED, busybox="1.37", odhcpd="7")

    [feed] = sync(synced).changes["feeds"]

    assert (feed["added"], feed["removed"], feed["changed"]) == (1, 1, 1)
    assert feed["added_names"] == [["odhcpd", "7"]]
    assert feed["removed_names"] == [["dnsmasq", "2.90"]]
    assert feed["changed_names"] == [["busybox", "1.36", "1.37"]]


def test_targets_that_are_another_now_are_told_once(synced: Distribution, folder: MirrorFolder) -> None:
    folder.feed(FEED, busybox="1.37")
    folder.feed(FEED.replace("base", "luci"), luci="26.1")

    moved = sync(synced).changes["targets"]["moved"]

    assert moved == {"count": 1, "names": ["24.10.2 ath79/generic"]}


def test_a_broken_mirror_is_a_failed_run_with_sentences(synced: Distribution, folder: MirrorFolder) -> None:
    folder.write(".versions.json", "<html>")

    run = sync(synced)

    assert run.state == State.FAILED
    assert ".versions.json" in run.errors[0]


def test_how_far_it_is_can_be_seen_while_it_runs(distribution: Distribution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "WRITE_SECONDS", 0)
    seen = []
    run = journal.ask(distribution)

    def look(what: str, done: int, total: int) -> None:
        seen.append(SyncRun.objects.values_list("state", "stage", "total").get(pk=run.pk))

    journal.carry_out(run, look)

    assert (State.RUNNING, "names of 24.10.2", 3) in seen


def test_a_run_that_breaks_off_says_so(distribution: Distribution) -> None:
    run = journal.ask(distribution)

    def stop(what: str, done: int, total: int) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        journal.carry_out(run, stop)

    run.refresh_from_db()
    assert run.state == State.BROKEN_OFF


def test_a_run_whose_process_was_killed_is_given_up_at_the_next_look(distribution: Distribution) -> None:
    run = journal.ask(distribution)
    SyncRun.objects.filter(pk=run.pk).update(state=State.RUNNING, beat_at=timezone.now(), machine=socket.gethostname())

    assert journal.open_run(distribution) is None
    run.refresh_from_db()
    assert (run.state, run.finished_at is not None) == (State.BROKEN_OFF, True)


def test_a_run_of_another_machine_is_given_up_when_it_is_silent_for_long(distribution: Distribution) -> None:
    run = journal.ask(distribution)
    rows = SyncRun.objects.filter(pk=run.pk)
    rows.update(state=State.RUNNING, beat_at=timezone.now(), machine="elsewhere")

    assert journal.open_run(distribution) == run
    assert sync(distribution).state == State.REFUSED

    rows.update(beat_at=timezone.now() - journal.LEASE - timedelta(seconds=1))
    assert sync(distribution).state == State.DONE
    run.refresh_from_db()
    assert run.state == State.BROKEN_OFF


def test_what_a_person_asks_for_waits_until_the_other_sync_ends(distribution: Distribution, settings: Settings) -> None:
    person = User.objects.create_user("mia")
    with (settings.ASU_RUN_DIR / f"sync-{distribution.pk}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = journal.ask_once(distribution, person)
        tasks.run_sync(waiting.pk)
        assert sync(distribution).state == State.REFUSED
        with pytest.raises(CommandError, match="Another sync"):
            call_command("sync", distribution.name)
    waiting.refresh_from_db()
    assert waiting.state == State.QUEUED

    assert journal.ask_once(distribution, person) == waiting
    sync(distribution)
    assert is_queued(waiting)

    tasks.run_sync(waiting.pk)
    tasks.run_sync(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == State.DONE


def test_syncs_that_found_nothing_are_soon_forgotten(synced: Distribution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT_QUIET", 2)
    for _ in range(5):
        tasks.sync_all()
    asked = sync(synced, origin=SyncRun.Origin.PERSON)

    quiet = SyncRun.objects.filter(has_changes=False, origin=SyncRun.Origin.SCHEDULE)
    assert quiet.count() == 2
    assert SyncRun.objects.filter(pk=asked.pk).exists()
    assert SyncRun.objects.filter(has_changes=True).count() == 2
