"""ImageBuilders are fetched, unpacked and set up once, stay as they were, and go when the disk needs it."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from builders import shelf
from builders.imagebuilder import ImageBuilders
from builders.ledger import DatabaseLedger
from builders.models import ImageBuilder
from builders.runners.base import Run
from builders.runners.sandbox import Sandbox, best_runner
from builders.spec import BuildFailedError, BuildSpec, ImageBuilderSpec
from builders.states import Phase, Reason
from tests.builders.ipk import control, ipk
from tests.builders.trees import running, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

OURS = ImageBuilders(DatabaseLedger())
ensure, remove, repair = OURS.ensure, OURS.remove, OURS.repair

MAKEFILE = """
info:
\t@echo 'Current Target: "demo/generic"'
\t@date +%s%N > .profiles.mk
\t@echo run >> runs

staging_dir/host/.prereq-build:
\t@mkdir -p staging_dir/host
\t@touch $@
"""
INDEXED = (
    MAKEFILE
    + """
package_index:
\t@exit 1

image:
\t@test -z "`find packages -cnewer packages/Packages.gz`" && echo fresh || echo stale
"""
)


@pytest.fixture
def runner(open_data: Path) -> Sandbox:
    return best_runner("auto")


@pytest.fixture
def mirror(open_data: Path) -> Path:
    path = open_data / "mirror"
    path.mkdir()
    return path


Publish = Callable[..., BuildSpec]


@pytest.fixture
def publish(mirror: Path) -> Publish:
    """Put an archive on the mirror; answers the spec of a build that needs it."""

    def publish(
        name: str = "ib", makefile: str = MAKEFILE, raw: bytes | None = None, **files: str | bytes
    ) -> BuildSpec:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
            for path, content in {"Makefile": makefile, **files}.items():
                data = content.encode() if isinstance(content, str) else content
                info = tarfile.TarInfo(f"{name}/{path.replace('__', '/')}")
                info.size, info.mtime = len(data), 1_700_000_000
                archive.addfile(info, io.BytesIO(data))
        data = buffer.getvalue() if raw is None else raw
        (mirror / f"{name}.tar.xz").write_bytes(data)
        return spec_for(f"file://{mirror}/{name}.tar.xz", hashlib.sha256(data).hexdigest())

    return publish


def spec_for(url: str, sha256: str) -> BuildSpec:
    return BuildSpec(
        distribution="demo",
        version="1.0",
        target="demo/generic",
        profile="router",
        packages=(),
        imagebuilder=ImageBuilderSpec(url=url, file_name=url.rpartition("/")[2], sha256=sha256),
    )


def nothing(phase: Phase, percent: int | None) -> None:
    pass


def row(spec: BuildSpec) -> ImageBuilder:
    return ImageBuilder.objects.get(sha256=spec.imagebuilder.sha256)


def fails(spec: BuildSpec, runner: Sandbox, go_on: Callable[[], bool] = lambda: True) -> BuildFailedError:
    with pytest.raises(BuildFailedError) as caught:
        ensure(spec, runner, nothing, go_on)
    assert not list(shelf.folder("new").iterdir())
    assert not shelf.tree_path(spec.imagebuilder.sha256).exists()
    return caught.value


def test_the_first_build_sets_it_up_and_the_next_one_finds_it(publish: Publish, runner: Sandbox, mirror: Path) -> None:
    spec = publish()

    with ensure(spec, runner, nothing) as tree:
        first = tree.read(".profiles.mk")
    (mirror / "ib.tar.xz").unlink()
    with ensure(spec, runner, nothing) as tree:
        assert tree.read(".profiles.mk") == first
        assert tree.read("runs") == b"run\n"
        assert (tree.path / "staging_dir/host/.prereq-build").exists()


def test_the_row_tells_the_truth(publish: Publish, runner: Sandbox) -> None:
    spec = publish()

    ensure(spec, runner, nothing).close()

    found = row(spec)
    assert found.status == ImageBuilder.Status.READY
    assert (found.distribution, found.version, found.target) == ("demo", "1.0", "demo/generic")
    assert found.disk_bytes > 0
    assert found.ready_at is not None and found.last_used_at is not None


def test_progress_is_told_phase_by_phase(publish: Publish, runner: Sandbox) -> None:
    seen: list[tuple[Phase, int | None]] = []

    ensure(publish(), runner, lambda phase, percent: seen.append((phase, percent))).close()

    assert seen[0] == (Phase.DOWNLOAD_IMAGEBUILDER, 0)
    assert seen[-1] == (Phase.UNPACK_IMAGEBUILDER, 100)
    assert (Phase.DOWNLOAD_IMAGEBUILDER, 100) in seen


def test_the_archive_is_not_kept(publish: Publish, runner: Sandbox) -> None:
    ensure(publish(), runner, nothing).close()

    assert list(shelf.folder("downloads").iterdir()) == []


def test_the_tree_is_closed_to_others_and_belongs_to_the_builder(publish: Publish, runner: Sandbox) -> None:
    with ensure(publish(), runner, nothing) as tree:
        assert tree.path.parent.stat().st_mode & 0o077 == 0
        uid = 64990 if os.geteuid() == 0 else os.geteuid()
        assert {path.lstat().st_uid for path in [tree.path, *tree.path.rglob("*")]} == {uid}


def test_a_build_leaves_it_as_it_was(publish: Publish, runner: Sandbox) -> None:
    with ensure(publish(), runner, nothing) as tree:
        runner.run(Run(("sh", "-c", "echo evil > Makefile; rm -rf staging_dir; touch x"), tree.path))

        assert tree.read("Makefile") == MAKEFILE.encode()
        assert (tree.path / "staging_dir/host/.prereq-build").exists()
        assert not (tree.path / "x").exists()


def test_the_index_of_many_packages_is_made_once_and_stays_fresh(level: str, publish: Publish) -> None:
    packages = {f"packages__p{n}_1-1_all.ipk": ipk(control(f"p{n}")) for n in range(60)}
    runner = Sandbox(level)

    with ensure(publish(makefile=INDEXED, **packages), runner, nothing) as tree:
        outcome = runner.run(Run(("make", "image"), tree.path))

        assert (tree.read("packages/Packages") or b"").count(b"Package: p") == 60
        assert outcome.stdout == "fresh\n"


@pytest.mark.parametrize(
    ("name", "line"),
    [(".config", "CONFIG_SIGNATURE_CHECK=y\n"), ("repositories.conf", "option check_signature 1\n")],
)
def test_no_index_is_made_where_builds_sign_it(publish: Publish, runner: Sandbox, name: str, line: str) -> None:
    packages = {f"packages__p{n}_1-1_all.ipk": ipk(control(f"p{n}")) for n in range(60)}

    with ensure(publish(makefile=INDEXED, **packages, **{name: line}), runner, nothing) as tree:
        assert tree.read("packages/Packages") is None


def test_a_missing_program_is_named(publish: Publish, runner: Sandbox) -> None:
    checks = "\n".join(
        [
            "staging_dir/host/.prereq-build:",
            "\t@echo \"Checking 'bash'... ok.\"; echo \"Checking 'python'... failed.\"",
            "\t@echo 'Build dependency: Please install Python 2.x'",
            "\t@echo 'Prerequisite check failed. Use FORCE=1 to override.'; false",
            "",
        ]
    )

    error = fails(publish(makefile=f"info:\n\t@true\n{checks}"), runner)

    assert error.reason is Reason.PREREQUISITE
    assert "python" in error.sentence and "Please install Python 2.x" in error.sentence
    assert "bash" not in error.sentence


def test_another_checksum_is_refused(publish: Publish, runner: Sandbox, mirror: Path) -> None:
    spec = publish()
    (mirror / "ib.tar.xz").write_bytes(b"something else")

    error = fails(spec, runner)

    assert error.reason is Reason.BAD_CHECKSUM
    assert row(spec).status == ImageBuilder.Status.BROKEN


def test_an_unsafe_archive_is_refused(publish: Publish, runner: Sandbox) -> None:
    error = fails(publish(**{"..__..__evil": "x"}), runner)

    assert error.reason is Reason.BAD_ARCHIVE
    assert "unsafe name" in error.sentence


def test_an_archive_that_was_cut_short_is_refused(publish: Publish, runner: Sandbox, mirror: Path) -> None:
    publish(big="x" * 100_000)
    data = (mirror / "ib.tar.xz").read_bytes()

    error = fails(publish(raw=data[: len(data) // 2]), runner)

    assert error.reason is Reason.BAD_ARCHIVE
    assert list(shelf.folder("downloads").iterdir()) == []


@pytest.mark.parametrize("makefile", ["all:\n\t@true\n", "info:\n\t@exit 3\n"])
def test_what_is_no_imagebuilder_is_refused(publish: Publish, runner: Sandbox, makefile: str) -> None:
    error = fails(publish(makefile=makefile), runner)

    assert error.reason is Reason.BAD_ARCHIVE
    assert "make info" in error.sentence


def test_a_mirror_that_lost_the_file_is_named(runner: Sandbox, mirror: Path) -> None:
    error = fails(spec_for(f"file://{mirror}/gone.tar.xz", "0" * 64), runner)

    assert error.reason is Reason.MIRROR_MOVED


def test_a_mirror_that_is_down_is_named(runner: Sandbox) -> None:
    error = fails(spec_for("http://127.0.0.1:9/ib.tar.xz", "0" * 64), runner)

    assert error.reason is Reason.MIRROR_UNREACHABLE
    assert row(spec_for("", "0" * 64)).status == ImageBuilder.Status.ABSENT


def test_a_set_up_that_was_cancelled_leaves_nothing(publish: Publish, runner: Sandbox) -> None:
    error = fails(publish(), runner, go_on=lambda: False)

    assert error.reason is Reason.CANCELLED


def test_a_full_disk_is_named_and_nothing_is_left(publish: Publish, runner: Sandbox, settings: Settings) -> None:
    spec = publish()
    settings.ASU_MIN_FREE_MB = 10**9

    error = fails(spec, runner)

    assert error.reason is Reason.DISK_FULL


def test_after_a_failure_the_next_try_can_succeed(publish: Publish, runner: Sandbox, mirror: Path) -> None:
    spec = publish()
    data = (mirror / "ib.tar.xz").read_bytes()
    (mirror / "ib.tar.xz").write_bytes(b"broken on the way")
    fails(spec, runner)
    (mirror / "ib.tar.xz").write_bytes(data)

    ensure(spec, runner, nothing).close()

    assert row(spec).status == ImageBuilder.Status.READY
    assert row(spec).error == ""


def test_those_who_come_at_once_share_one_set_up(publish: Publish, runner: Sandbox) -> None:
    spec = publish(makefile=MAKEFILE.replace("@echo run", "@sleep 1; echo run"))
    together = threading.Barrier(4)

    def come(_: int) -> bytes | None:
        together.wait()
        try:
            with ensure(spec, runner, nothing) as tree:
                return tree.read("runs")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(come, range(4)))

    assert found == [b"run\n"] * 4


def test_the_longest_unused_goes_when_the_quota_is_full(publish: Publish, runner: Sandbox, settings: Settings) -> None:
    specs = [publish(f"ib{n}") for n in range(3)]
    for spec in specs[:2]:
        ensure(spec, runner, nothing).close()
    os.utime(shelf.folder("trees") / f"{specs[0].imagebuilder.sha256}.json", (10, 10))
    os.utime(shelf.folder("trees") / f"{specs[1].imagebuilder.sha256}.json", (20, 20))
    settings.ASU_IMAGEBUILDER_QUOTA_GB = 2.5 * row(specs[0]).disk_bytes / 1024**3

    ensure(specs[2], runner, nothing).close()

    statuses = [row(spec).status for spec in specs]
    assert statuses == [ImageBuilder.Status.ABSENT, ImageBuilder.Status.READY, ImageBuilder.Status.READY]
    assert not shelf.tree_path(specs[0].imagebuilder.sha256).exists()
    assert row(specs[0]).disk_bytes == 0


def test_a_worker_can_tell_which_ones_it_has(publish: Publish, runner: Sandbox) -> None:
    specs = [publish(f"ib{n}") for n in range(2)]
    for spec in specs:
        ensure(spec, runner, nothing).close()
    os.utime(shelf.folder("trees") / f"{specs[1].imagebuilder.sha256}.json", (10, 10))
    with pytest.raises(BuildFailedError):
        ensure(publish("no", raw=b"no archive"), runner, nothing)

    assert OURS.held() == [specs[1].imagebuilder.sha256, specs[0].imagebuilder.sha256]


def test_what_a_build_uses_is_never_removed(publish: Publish, runner: Sandbox, settings: Settings) -> None:
    first, second = publish("one"), publish("two")
    settings.ASU_IMAGEBUILDER_QUOTA_GB = 0

    with ensure(first, runner, nothing) as tree:
        ensure(second, runner, nothing).close()

        assert tree.read("Makefile") is not None
        assert not remove(first.imagebuilder.sha256)
    assert remove(first.imagebuilder.sha256)
    assert not tree.path.exists()


KILLED = """
import django; django.setup()
import sys
from builders.runners.sandbox import best_runner
from tests.builders.test_imagebuilder import ensure, nothing, spec_for
ensure(spec_for(*sys.argv[1:]), best_runner("auto"), nothing)
"""


def _start(spec: BuildSpec, data: Path) -> subprocess.Popen[bytes]:
    default = connection.settings_dict
    env = {
        **os.environ,
        "ASU_TEST_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(django_settings.BASE_DIR),
        "DATABASE_URL": f"sqlite:///{default['NAME']}",
    }
    words = [sys.executable, "-c", KILLED, spec.imagebuilder.url, spec.imagebuilder.sha256]
    return subprocess.Popen(words, env=env)


def test_a_set_up_that_was_killed_half_way_is_done_again(publish: Publish, runner: Sandbox, open_data: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the other process would need a database of its own")
    spec = publish(makefile=MAKEFILE.replace("@echo run", "@test -e once || { touch once; sleep 8642; }; echo run"))
    process = _start(spec, open_data)
    until(lambda: bool(running("8642")), "make info runs", seconds=40)
    assert row(spec).status == ImageBuilder.Status.UNPACKING

    process.kill()
    process.wait()
    until(lambda: not running("8642"), "nothing goes on")
    repair()

    assert row(spec).status == ImageBuilder.Status.ABSENT
    assert list(shelf.folder("new").iterdir()) == []


def test_a_tree_without_its_marker_is_made_again(publish: Publish, runner: Sandbox) -> None:
    """As after a crash between the two."""
    spec = publish()
    with ensure(spec, runner, nothing) as tree:
        (tree.path.parent / f"{tree.sha256}.json").unlink()
        (tree.path / "half").touch()

    with ensure(spec, runner, nothing) as tree:
        assert tree.read("half") is None
        assert tree.read("runs") == b"run\n"


def test_a_row_of_what_is_gone_is_put_right_at_start(publish: Publish, runner: Sandbox) -> None:
    spec = publish()
    ensure(spec, runner, nothing).close()
    (shelf.folder("trees") / f"{spec.imagebuilder.sha256}.json").unlink()

    repair()

    assert row(spec).status == ImageBuilder.Status.ABSENT
    assert not shelf.tree_path(spec.imagebuilder.sha256).exists()


def test_starting_does_not_disturb_what_is_ready_or_in_use(publish: Publish, runner: Sandbox) -> None:
    spec = publish()

    with ensure(spec, runner, nothing) as tree:
        repair()

        assert tree.read("Makefile") is not None
        assert row(spec).status == ImageBuilder.Status.READY


def test_files_of_the_tree_are_read_without_following_links(publish: Publish, runner: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with ensure(publish(), runner, nothing) as tree:
        (tree.path / "link").symlink_to(tmp_path / "secret")
        (tree.path / "folder").symlink_to(tmp_path)

        assert tree.read("link") is None
        assert tree.read("folder/secret") is None
        (tree.path.parent / "outside").write_text("x")
        assert tree.read("../outside") is None


def test_a_moved_build_user_gets_a_tree_of_its_own(
    root: None, publish: Publish, runner: Sandbox, settings: Settings
) -> None:
    spec = publish()
    ensure(spec, runner, nothing).close()
    settings.ASU_BUILD_UID = 64991

    with ensure(spec, runner, nothing) as tree:
        assert (tree.path / "Makefile").stat().st_uid == 64991
