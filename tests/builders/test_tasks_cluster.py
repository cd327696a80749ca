"""The real django-q cluster in processes of its own: it builds what is submitted, and it ends when it should."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from builders import queue
from builders.models import Build, Worker
from builders.spec import ImageBuilderSpec
from builders.states import Reason, State
from tests.builders.processes import output, running, until
from tests.factories import make_spec

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

CLUSTER = ("manage.py", "cluster")


def submit_what_no_mirror_has() -> Build:
    gone = (Path(settings.ASU_DATA_DIR) / "no such mirror").as_uri()
    spec = make_spec(imagebuilder=ImageBuilderSpec(f"{gone}/ib.tar.xz", "ib.tar.xz", "0" * 64), feeds=())
    return queue.submit(spec)[0]


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    children = [int(word) for word in found.stdout.split()]
    return children + [pid for child in children for pid in descendants(child)]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_cluster_builds_what_is_submitted_and_ends_within_seconds() -> None:
    early = submit_what_no_mirror_has()
    with running(*CLUSTER) as cluster:
        assert until(lambda: Build.objects.get(pk=early.pk).state == State.FAILED), output()
        late = submit_what_no_mirror_has()
        assert until(lambda: Build.objects.get(pk=late.pk).state == State.FAILED, 10), output()

        processes = descendants(cluster.pid)
        cluster.send_signal(signal.SIGTERM)
        code = cluster.wait(timeout=10)

    assert code == 0, output()
    assert processes
    assert not [pid for pid in processes if is_alive(pid)]
    assert set(Build.objects.values_list("reason", flat=True)) == {Reason.MIRROR_MOVED}


def test_a_cluster_whose_processes_are_all_told_at_once_ends_too() -> None:
    with running(*CLUSTER) as cluster:
        assert until(Worker.objects.filter(seen_at__isnull=False).exists), output()
        processes = descendants(cluster.pid)

        for pid in [*processes, cluster.pid]:
            with contextlib.suppress(ProcessLookupError):  # its parent told it already
                os.kill(pid, signal.SIGTERM)

        assert until(lambda: cluster.poll() is not None, 15), output()
        assert not [pid for pid in processes if is_alive(pid)]


def test_a_killed_cluster_leaves_no_process_alive() -> None:
    with running(*CLUSTER) as cluster:
        assert until(Worker.objects.filter(seen_at__isnull=False).exists), output()
        processes = descendants(cluster.pid)
        cluster.kill()
        cluster.wait()

        assert len(processes) >= 5
        assert until(lambda: not any(is_alive(pid) for pid in processes), 5)
