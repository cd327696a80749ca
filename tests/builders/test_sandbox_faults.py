"""The sandbox when its surroundings fail: the server is killed, the disk is full, we are not root."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from builders.runners import keeper, sandbox
from builders.runners.base import Limits, Run
from builders.runners.sandbox import Sandbox
from builders.runners.workdir import WorkDir, clean_work
from builders.spec import BuildFailedError
from builders.states import Reason
from tests.builders.trees import give_to_builder, make_tree, running, until

# A server of its own: runs one program in the sandbox and says how it went.
SERVER = """
import json, sys
from pathlib import Path
from builders.runners.base import Limits, Run
from builders.runners import keeper, sandbox
from builders.spec import BuildFailedError

level, tree, out, script = sys.argv[1:]
limits = Limits(seconds=60, disk_mb=900)
try:
    writable = {"/out": Path(out)} if out else {}
    outcome = sandbox.Sandbox(level).run(Run(("bash", "-c", script), Path(tree), writable=writable, limits=limits))
    print(json.dumps([outcome.returncode, outcome.stdout, outcome.killed, outcome.stderr]))
except BuildFailedError as error:
    print(json.dumps([error.reason, error.sentence, "", error.stderr]))
"""


def server(
    open_data: Path, *words: str, python: str = sys.executable, prefix: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    env = {
        "ASU_DATA_DIR": str(open_data),
        "ASU_MIN_FREE_MB": "1",
        "SECRET_KEY": "x",
        "DJANGO_SETTINGS_MODULE": "asu_site.settings",
        "PYTHONPATH": f"{django_settings.BASE_DIR}:{packages}",
        "PATH": os.environ["PATH"],
    }
    return subprocess.Popen([*prefix, python, "-c", SERVER, *words], env=env, stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> list[Any]:
    stdout, _ = process.communicate(timeout=60)
    found: list[Any] = json.loads(stdout)
    return found


def test_nothing_goes_on_when_the_server_is_killed(level: str, open_data: Path) -> None:
    word = f"1{uuid.uuid4().int % 10**9}"
    tree = make_tree(open_data / "tree")
    process = server(open_data, level, str(tree), "", f"(setsid sleep {word} &); sleep {word}")
    until(lambda: len(running(word)) >= 2, "the program runs")

    process.send_signal(signal.SIGKILL)
    process.communicate()

    until(lambda: not running(word), "all of it is gone")
    until(lambda: not running(str(open_data)), "the keeper is gone")


def test_nothing_goes_on_when_the_keeper_is_killed(level: str, open_data: Path) -> None:
    if level == "process":
        pytest.skip("without walls daemons could survive their keeper")
    word = f"1{uuid.uuid4().int % 10**9}"
    process = server(open_data, level, str(make_tree(open_data / "tree")), "", f"(setsid sleep {word} &); sleep {word}")
    until(lambda: len(running(word)) >= 2, "the program runs")

    child = next(int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    os.kill(child, signal.SIGKILL)

    until(lambda: not running(word), "all of it is gone")
    assert answer(process)[0] != 0


def test_what_a_killed_server_left_is_cleared_away_at_the_next_start(level: str, open_data: Path) -> None:
    word = f"1{uuid.uuid4().int % 10**9}"
    tree = make_tree(open_data / "tree")
    script = f"mkdir -p a/b; touch a/b/c; chmod 0 a/b a; sleep {word}"
    process = server(open_data, level, str(tree), "", script)
    until(lambda: bool(running(word)), "the program runs")
    process.kill()
    process.communicate()
    until(lambda: not running(word), "all of it is gone")

    removed = clean_work()

    assert removed == 1
    assert list((open_data / "work").iterdir()) == []
    assert tree.is_dir()


def test_clearing_away_leaves_running_builds_alone(open_data: Path) -> None:
    with WorkDir() as work:
        removed = clean_work()

        assert removed == 0
        assert work.path.is_dir()


def test_a_folder_thousands_of_levels_deep_can_be_removed(level: str, open_data: Path) -> None:
    script = "import os\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')\nprint('done')"

    outcome = Sandbox(level).run(
        Run(("python3", "-c", script), make_tree(open_data / "tree"), limits=Limits(seconds=60))
    )

    assert outcome.stdout == "done\n"
    assert list((open_data / "work").iterdir()) == []


def test_a_full_disk_is_named(root: None, level: str, open_data: Path) -> None:
    mounted = open_data / "small"
    mounted.mkdir()
    # The program's own mount namespace: the test's machine never sees the little disk.
    mount = (
        'mount -t tmpfs -o size=90m,mode=755 none "$0" && mkdir "$0/tree" && chown 64990:64990 "$0/tree" && exec "$@"'
    )
    prefix = ("unshare", "-m", "sh", "-c", mount, str(mounted))
    script = "head -c 300M /dev/zero > big; sleep 3; exit 1"

    found = answer(server(mounted, level, str(mounted / "tree"), "", script, prefix=prefix))

    assert found[0] == Reason.DISK_FULL
    assert str(open_data) not in found[1]


def _other_python() -> str:
    """An interpreter that another user may start and that fits our packages."""
    for name in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        check = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", name, "-c"]
        code = (
            "import os, sys; "
            f"sys.exit(sys.version_info[:2] != {sys.version_info[:2]} or not os.access(sys.executable, os.X_OK)"
            f" or not os.access({str(django_settings.BASE_DIR / 'builders')!r}, os.R_OK))"
        )
        if Path(name).exists() and subprocess.run([*check, code], capture_output=True, check=False).returncode == 0:
            return name
    pytest.skip("no interpreter and checkout that another user may enter")


def test_an_ordinary_user_has_the_same_walls(root: None, level: str, open_data: Path) -> None:
    python = _other_python()
    mine = open_data / "theirs"
    tree = make_tree(mine / "tree", given="given\n")
    out = make_tree(mine / "out")
    for path in (mine, tree, tree / "given", out):
        os.chown(path, 12345, 12345)
    prefix = ("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups")
    if level != "process" and subprocess.run([*prefix, "unshare", "-U", "true"], capture_output=True).returncode != 0:
        pytest.skip("an ordinary user may make no namespaces here (in a chroot, for one)")
    target = "/out" if level != "process" else str(out)
    script = (
        f"id -u; echo changed > given; cat given; echo image > {target}/image; "
        "grep CapEff /proc/self/status; test -e /etc/shadow && echo seen; exit 4"
    )

    found = answer(server(mine, level, str(tree), str(out), script, python=python, prefix=prefix))

    assert found[0] == 4, found
    lines = found[1].split()
    assert lines[:4] == ["12345", "changed", "CapEff:", "0000000000000000"]
    assert ("seen" in lines) == (level == "process")
    assert (tree / "given").read_text() == "given\n"
    assert (out / "image").read_text() == "image\n"
    assert list((mine / "work").iterdir()) == []


def test_a_machine_without_user_namespaces_says_so(open_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that forbids them: bubblewrap is there and fails."""
    bin_folder = open_data / "bin"
    bin_folder.mkdir()
    fake = bin_folder / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")

    found = sandbox.probe()
    with pytest.raises(BuildFailedError) as caught:
        Sandbox("namespace").run(Run(("true",), make_tree(open_data / "tree"), limits=Limits(seconds=20)))

    assert found.level == "process"
    assert "No permissions to create new namespace" in found.detail
    assert caught.value.reason is Reason.SANDBOX


def test_a_data_folder_that_the_build_user_cannot_enter_is_noticed_without_walls(
    root: None, open_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    open_data.chmod(0o700)

    found = sandbox.probe()

    assert found.level == ""
    assert "may not enter" in found.detail


def test_a_file_of_another_owner_in_the_tree_does_not_break_the_next_build(level: str, open_data: Path) -> None:
    tree = make_tree(open_data / "tree", given="given\n")
    (tree / "roots").write_text("x")
    give_to_builder(tree)

    outcome = Sandbox(level).run(Run(("cat", "given", "roots"), tree, limits=Limits(seconds=20)))

    assert outcome.stdout == "given\nx"


def test_nothing_goes_on_when_the_server_dies_before_it_hears_of_the_start() -> None:
    word = f"1{uuid.uuid4().int % 10**9}"
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"\n" * 4096)  # nobody listens: the keeper cannot get rid of its news
    os.set_blocking(writer, True)
    plan: dict[str, object] = {
        "argv": ["/bin/sh", "-c", f"setsid sleep {word} & sleep {word}"],
        "env": {},
        "cwd": "/",
        "cgroups": [],
    }
    plan |= {"rlimits": {}, "walled": False}
    ends = writer, os.dup(writer)
    command = [sys.executable, "-I", "-S", keeper.__file__, json.dumps(plan), *map(str, ends)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=ends) as process:
        for end in ends:
            os.close(end)
        until(lambda: len(running(word)) >= 2, "the program and a daemon of it run")

        os.close(reader)

        until(lambda: not running(word), "all of it is gone")
        process.wait(10)
