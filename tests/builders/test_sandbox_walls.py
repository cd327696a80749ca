"""What a program can see and touch in the sandbox, level by level."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from builders.runners import sandbox
from builders.runners.base import Limits, Outcome, Run
from builders.runners.sandbox import Sandbox
from builders.spec import BuildFailedError
from builders.states import Reason
from tests.builders.trees import give_to_builder, make_tree

Sh = Callable[..., Outcome]


@pytest.fixture
def tree(open_data: Path) -> Path:
    return make_tree(open_data / "tree", given="given\n")


@pytest.fixture
def sh(level: str, tree: Path) -> Sh:
    def run(script: str, **words: object) -> Outcome:
        limits = Limits(seconds=60, output_kb=64)
        return Sandbox(level).run(Run(("sh", "-c", script), tree, limits=limits, **words))  # type: ignore[arg-type]

    return run


def walled(level: str) -> None:
    if level == "process":
        pytest.skip("there are no walls at this level")


def test_the_program_runs_in_the_tree_and_its_words_come_back_apart(sh: Sh) -> None:
    outcome = sh("cat given; echo problem >&2; exit 7")

    assert (outcome.stdout, outcome.stderr, outcome.returncode) == ("given\n", "problem\n", 7)
    assert outcome.killed == ""


def test_what_a_build_writes_is_gone_for_the_next_one(sh: Sh, tree: Path) -> None:
    first = sh("echo changed > given && echo new > fresh && rm -f nothing && cat given fresh")
    second = sh("cat given; ls")

    assert first.stdout == "changed\nnew\n"
    assert second.stdout == "given\ngiven\n"
    assert (tree / "given").read_text() == "given\n"
    assert sorted(path.name for path in tree.iterdir()) == ["given"]


def test_nothing_stays_in_the_work_folder(sh: Sh, open_data: Path) -> None:
    sh("mkdir -p a/b && chmod 0 a/b a && touch x && chmod 0 x")

    assert list((open_data / "work").iterdir()) == []


def test_setting_up_writes_into_the_tree_itself(sh: Sh, tree: Path) -> None:
    sh("echo kept > fresh", keep=True)

    assert (tree / "fresh").read_text() == "kept\n"
    assert (tree / "fresh").stat().st_uid == (64990 if os.geteuid() == 0 else os.geteuid())


def test_the_program_is_nobody_special(sh: Sh) -> None:
    outcome = sh("id -u; id -G; grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status")

    uid = "64990" if os.geteuid() == 0 else str(os.geteuid())
    lines = outcome.stdout.split()
    assert lines[0] == uid
    assert lines[lines.index("CapEff:") + 1] == "0000000000000000"
    assert lines[lines.index("NoNewPrivs:") + 1] == "1"
    if os.geteuid() == 0:
        assert lines[1] == uid and lines[2].startswith("Cap")


def test_no_word_of_the_servers_environment_gets_in(sh: Sh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASU_WORKER_TOKEN", "secret-token")

    outcome = sh("env; tr '\\0' '\\n' < /proc/self/environ", env={"SOURCE_DATE_EPOCH": "7"})

    assert "secret-token" not in outcome.stdout
    names = {line.split("=")[0] for line in outcome.stdout.splitlines()}
    assert names <= {"PATH", "HOME", "LC_ALL", "TMPDIR", "PWD", "SOURCE_DATE_EPOCH", "OLDPWD", "_", "SHLVL"}
    assert "SOURCE_DATE_EPOCH=7" in outcome.stdout


def test_no_open_file_of_the_server_gets_in(sh: Sh, tmp_path: Path) -> None:
    with (tmp_path / "database").open("w") as file:
        os.set_inheritable(file.fileno(), True)

        outcome = sh("ls -l /proc/self/fd")

    assert "database" not in outcome.stdout
    assert len(outcome.stdout.splitlines()) == 1 + 4  # total, the three, and ls's own


def test_the_hosts_files_cannot_be_seen(level: str, sh: Sh, open_data: Path) -> None:
    walled(level)
    (open_data / "secret").write_text("secret")

    outcome = sh(f"ls -d /etc/shadow /root /home /var /work /sys {open_data} /tmp/*; cat /etc/passwd; ls /etc")

    assert "shadow" not in outcome.stdout
    assert "/" not in outcome.stdout.replace("/root:/bin/sh", "").replace("/tmp:/bin/sh", "")
    assert outcome.stdout.count("\n") < 12


def test_nothing_but_the_tree_and_tmp_can_be_written(level: str, sh: Sh) -> None:
    walled(level)

    outcome = sh("for d in / /usr /etc /dev /proc /builder /tmp /bin; do touch $d/x 2>/dev/null && echo $d; done")

    assert outcome.stdout.split() == ["/builder", "/tmp"]


def test_there_is_no_network(level: str, sh: Sh) -> None:
    walled(level)

    outcome = sh("grep -o '^ *[a-z0-9]*:' /proc/net/dev; bash -c 'exec 3<>/dev/tcp/127.0.0.1/5432' && echo connected")

    assert outcome.stdout.split() == ["lo:"]


def test_other_processes_cannot_be_seen(level: str, sh: Sh) -> None:
    walled(level)

    outcome = sh("ls -d /proc/[0-9]* | wc -l")

    assert int(outcome.stdout) < 8


def test_binds_are_seen_where_the_runner_says(sh: Sh, level: str, open_data: Path) -> None:
    feeds = make_tree(open_data / "feeds", index="packages")
    out = make_tree(open_data / "out")
    runner = Sandbox(level)

    outcome = sh(
        f"cat {runner.visible('/feeds', feeds)}/index && echo image > {runner.visible('/out', out)}/image.bin",
        read_only={"/feeds": feeds},
        writable={"/out": out},
    )

    assert outcome.stdout == "packages"
    assert (out / "image.bin").read_text() == "image\n"


def test_a_read_only_bind_cannot_be_written(sh: Sh, level: str, open_data: Path) -> None:
    walled(level)
    feeds = make_tree(open_data / "feeds", index="packages")

    outcome = sh("echo x > /feeds/index || echo x > /feeds/new", read_only={"/feeds": feeds})

    assert outcome.returncode != 0
    assert [(path.name, path.read_text()) for path in feeds.iterdir()] == [("index", "packages")]


def test_a_file_can_be_laid_over_one_in_the_tree(sh: Sh, level: str, tree: Path, open_data: Path) -> None:
    local = open_data / "local.conf"
    local.write_text("local\n")
    name = Sandbox(level).visible("/builder/given", local)

    outcome = sh(f"cat {name}; cat given", read_only={"/builder/given": local})

    assert outcome.stdout == "local\nlocal\n"
    assert (tree / "given").read_text() == "given\n"


def test_a_bind_below_a_folder_that_is_not_there_can_be_reached(sh: Sh, level: str, open_data: Path) -> None:
    walled(level)
    feeds = make_tree(open_data / "feeds", index="packages")

    outcome = sh("cat /deep/down/feeds/index", read_only={"/deep/down/feeds": feeds})

    assert outcome.stdout == "packages"


def test_a_program_that_is_not_there_is_no_success(level: str, tree: Path) -> None:
    run = Run(("no-such-program",), tree, limits=Limits(seconds=20))

    try:
        outcome = Sandbox(level).run(run)
    except BuildFailedError as error:
        assert error.reason is Reason.SANDBOX
    else:
        assert outcome.returncode != 0


def test_two_builds_at_once_share_one_tree(level: str, tree: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    script = "echo $1 > given; sleep 0.5; cat given"
    runs = [Run(("sh", "-c", script, "sh", str(n)), tree, limits=Limits(seconds=30)) for n in range(3)]

    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(Sandbox(level).run, runs))

    assert [outcome.stdout for outcome in outcomes] == ["0\n", "1\n", "2\n"]
    assert (tree / "given").read_text() == "given\n"


def test_a_tree_in_a_closed_folder_is_still_built_in(level: str, open_data: Path) -> None:
    """The pristine trees lie where the build user can never go by a path."""
    closed = make_tree(open_data / "closed")
    tree = make_tree(closed / "tree", given="given\n")
    os.chown(closed, 0, 0) if os.geteuid() == 0 else None
    closed.chmod(0o700)

    outcome = Sandbox(level).run(Run(("cat", "given"), tree, limits=Limits(seconds=20)))

    assert outcome.stdout == "given\n"


def test_the_walls_that_cannot_be_put_up_are_a_failure_never_a_lower_wall(
    open_data: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = make_tree(open_data / "out")
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(BuildFailedError) as caught:
        Sandbox("full").run(Run(("touch", str(marker / "ran")), tree, writable={"/out": marker}))

    assert caught.value.reason is Reason.SANDBOX
    assert list(marker.iterdir()) == []


def test_an_overlay_that_fails_is_a_failure_never_a_copy(open_data: Path, level: str) -> None:
    if level != "full":
        pytest.skip("only this level has one")
    tree = make_tree(open_data / "with:colon", given="given\n")

    with pytest.raises(BuildFailedError) as caught:
        Sandbox("full").run(Run(("true",), tree))

    assert caught.value.reason is Reason.SANDBOX
    assert str(open_data) not in caught.value.sentence


def test_the_probe_names_a_level_and_says_why_not_more(open_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    found = sandbox.probe()

    assert found.level == "process"
    assert "bubblewrap" in found.detail


def test_a_demanded_level_that_is_not_there_is_refused(open_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(BuildFailedError) as caught:
        sandbox.best_runner("full")

    assert caught.value.reason is Reason.SANDBOX
    assert "full" in caught.value.sentence and "bubblewrap" in caught.value.sentence
    assert sandbox.best_runner("process").level == "process"


def test_auto_takes_the_highest_level(open_data: Path) -> None:
    assert sandbox.best_runner("auto").level == sandbox.probe().level


def test_links_in_the_tree_do_not_lead_a_bind_out_of_it(level: str, open_data: Path) -> None:
    """At the level without walls binds are copied in: never through a link that the tree holds."""
    outside = open_data / "outside"
    outside.write_text("mine")
    tree = make_tree(open_data / "tree", given="given\n")
    (tree / "repositories.conf").symlink_to(outside)
    local = open_data / "local.conf"
    local.write_text("local\n")
    give_to_builder(tree)

    try:
        Sandbox(level).run(Run(("true",), tree, read_only={"/builder/repositories.conf": local}))
    except BuildFailedError as error:
        assert error.reason is Reason.SANDBOX

    assert outside.read_text() == "mine"


def test_a_worker_below_usr_shows_neither_its_data_nor_its_code(
    root: None, level: str, sh: Sh, settings: Settings
) -> None:
    """A one-file worker has its code below its data folder."""
    walled(level)
    with tempfile.TemporaryDirectory(dir="/usr/local") as name:
        code = Path(name) / "code/0123"
        code.mkdir(parents=True)
        (code / "secret").touch()
        (Path(name) / "secret").touch()
        settings.BASE_DIR, settings.ASU_DATA_DIR = code, Path(name)

        assert sh(f"find {name} -type f").stdout == ""
