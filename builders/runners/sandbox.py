"""The sandboxed runner: finds out once how high the walls can be here, and never builds behind lower ones.

============ =====================================================================================================
full         the ImageBuilder read-only under a throw-away layer, bubblewrap around the program, limits
namespace    the same with a copy of the ImageBuilder, where the kernel or the file system has no such layers
process      a copy, a user of its own where we are root, limits; no walls: the program sees the host's files
============ =====================================================================================================

At every level a `keeper` stands between us and the program, so that nothing outlives the run, whoever dies first.
"""

import errno
import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builders.failures import disk_full
from builders.runners import cgroup, walls, workdir
from builders.runners.base import Limits, Outcome, Run
from builders.runners.execute import Execution
from builders.runners.watch import Watch
from builders.spec import BuildFailedError
from builders.states import Reason
from packages.conf import settings

LEVELS = ("process", "namespace", "full")  # lowest first


@dataclass(frozen=True, slots=True)
class Probe:
    """What is possible here, and why not more."""

    level: str  # "" = not even the lowest
    detail: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one run takes place."""

    tree: Path  # what the program gets as its tree
    watched: list[Path]
    overlay: dict[str, str] | None = None
    base: int = 0  # bytes that were there before the program


class Sandbox:
    """Runs programs at one level, never at another. See `builders.runners.base.Runner`."""

    def __init__(self, level: str, detail: str = "") -> None:
        self.level = level
        self.detail = detail

    def visible(self, inside: str, host: Path) -> str:
        """The path by which the program will see `host`.

        Without walls that is the host's path, except for what goes into the tree: there it is relative to the tree,
        which is the program's working folder.
        """
        if self.level != "process":
            return inside
        return inside.removeprefix(f"{walls.TREE}/") if inside.startswith(f"{walls.TREE}/") else str(host)

    def run(self, run: Run, go_on: Callable[[], bool] = lambda: True) -> Outcome:
        """Run to the end; see `Runner.run`. A full disk raises `BuildFailedError(Reason.DISK_FULL)`."""
        try:
            with workdir.WorkDir() as work:
                if workdir.free_bytes(work.path) < settings.ASU_MIN_FREE_MB * 1024 * 1024:
                    raise disk_full()
                outcome = self._run(run, work, go_on)
                if outcome.returncode != 0 and _ran_out(outcome, work.path):
                    raise disk_full()
                return outcome
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full() from error
            raise BuildFailedError(Reason.SANDBOX, "The sandbox could not be set up.", stderr=str(error)) from error

    def _run(self, run: Run, work: workdir.WorkDir, go_on: Callable[[], bool]) -> Outcome:
        owner = walls.build_user(settings.ASU_BUILD_UID)
        for folder in run.writable.values():
            if os.geteuid() == 0:
                os.chown(folder, *owner)
        place = self._place(run, work, owner)
        make_plan = self._unwalled(run, work, place) if self.level == "process" else self._walled(run, work, place)
        with cgroup.Group(work.path.name, run.limits) as group:

            def plan(status_fd: int) -> dict[str, Any]:
                return {**make_plan(status_fd), "cgroups": [str(folder) for folder in group.folders]}

            def watch(keeper: int) -> Watch:
                return Watch(keeper, run.limits, group, place.watched, go_on, place.base)

            return Execution(plan, output_kb=run.limits.output_kb, on_output=run.on_output).run(watch)

    def _place(self, run: Run, work: workdir.WorkDir, owner: tuple[int, int]) -> _Place:
        written = list(run.writable.values())
        if run.keep:
            return _Place(run.tree, written)
        mode = run.tree.stat().st_mode & 0o777
        if self.level == "full":
            upper = work.folder("upper", owner=owner, mode=mode)
            folders = {"lower": run.tree, "upper": upper, "work": work.folder("work"), "merged": work.folder("merged")}
            if any(set(str(path)) & set(':,\\"') for path in folders.values()):
                raise OSError(errno.EINVAL, 'ASU_DATA_DIR must not hold any of the characters : , \\ "')
            overlay = {name: str(path) for name, path in folders.items()}
            return _Place(folders["merged"], [upper, *written], overlay)
        copy = work.folder("tree", owner=owner, mode=mode)
        workdir.copy_tree(run.tree, copy, seconds=run.limits.seconds)
        watched = [copy, *written]
        return _Place(copy, watched, base=workdir.disk_usage(watched))

    def _limits(self, run: Run) -> dict[str, int]:
        # One more than builds: a server asks ImageBuilders about themselves beside them, or without any.
        return walls.rlimits(run.limits, own_user=os.geteuid() == 0, runs=settings.ASU_LOCAL_WORKERS + 1)

    def _walled(self, run: Run, work: workdir.WorkDir, place: _Place) -> Callable[[int], dict[str, Any]]:
        as_root = os.geteuid() == 0
        uid, gid = walls.build_user(settings.ASU_BUILD_UID)
        binds = [(inside, host, False) for inside, host in walls.write_etc(work.path / "etc", uid).items()]
        binds += [(inside, host, False) for inside, host in run.read_only.items()]
        binds += [(inside, host, True) for inside, host in run.writable.items()]

        def plan(status_fd: int) -> dict[str, Any]:
            words = walls.bubblewrap(
                _bubblewrap(),
                tree=place.tree,
                binds=binds,
                env=walls.environment(run.env),
                limits=run.limits,
                hidden=[settings.BASE_DIR, settings.ASU_DATA_DIR],
                as_root=as_root,
                uid=uid,
                gid=gid,
                status_fd=status_fd,
                can_disable_userns=_can_disable_userns(),
            )
            return {
                "argv": [*words, *run.argv],
                "cwd": "/",
                "env": {},
                "rlimits": self._limits(run),
                "overlay": place.overlay,
                "user_namespace": not as_root,
                "walled": True,
            }

        return plan

    def _unwalled(self, run: Run, work: workdir.WorkDir, place: _Place) -> Callable[[int], dict[str, Any]]:
        own_user = os.geteuid() == 0
        owner = walls.build_user(settings.ASU_BUILD_UID)
        program = shutil.which(run.argv[0], path=walls.PATH)
        if program is None:
            raise FileNotFoundError(errno.ENOENT, "no such program", run.argv[0])
        for inside, host in run.read_only.items():
            if inside.startswith(f"{walls.TREE}/"):
                _copy_in(host, place.tree, inside.removeprefix(f"{walls.TREE}/"), owner)
        scratch = str(work.folder("tmp", owner=owner, mode=0o700))
        env = walls.environment(run.env) | {"HOME": scratch, "TMPDIR": scratch}

        def plan(_status_fd: int) -> dict[str, Any]:
            return {
                "argv": [program, *run.argv[1:]],
                "cwd": str(place.tree),
                "env": env,
                "rlimits": self._limits(run),
                "uid": owner[0] if own_user else None,
                "no_new_privs": True,
                "walled": False,
            }

        return plan


def _copy_in(host: Path, tree: Path, name: str, owner: tuple[int, int]) -> None:
    """Put a file or folder of ours into a copied tree, which may hold links."""
    target = tree / name
    if not target.parent.resolve().is_relative_to(tree.resolve()):
        raise OSError(errno.ELOOP, "the ImageBuilder has a link where our file should go", name)
    target.parent.mkdir(parents=True, exist_ok=True)
    if host.is_dir():
        if target.is_symlink():
            target.unlink()
        shutil.copytree(host, target, symlinks=True, dirs_exist_ok=True)
        return
    # A new file: writing into the old one could follow a link out of the tree.
    target.unlink(missing_ok=True)
    shutil.copyfile(host, target)
    target.chmod(0o644)
    if os.geteuid() == 0:
        os.chown(target, *owner)


def _ran_out(outcome: Outcome, path: Path) -> bool:
    said = os.strerror(errno.ENOSPC) in outcome.stderr or os.strerror(errno.ENOSPC) in outcome.stdout
    return (said or outcome.killed == "disk") and workdir.free_bytes(path) < 64 * 1024 * 1024


def _bubblewrap() -> str:
    program = shutil.which("bwrap")
    if program is None:
        raise FileNotFoundError(errno.ENOENT, "bubblewrap (bwrap) is not installed")
    return program


@functools.cache
def _can_disable_userns() -> bool:
    text = subprocess.run([_bubblewrap(), "--help"], capture_output=True, text=True, check=False).stdout
    return "--disable-userns" in text


_TRY = """
set -e
test "$(cat given)" = given
test -e "$PWD/given" || {
  echo "the build user may not enter the folders above the data folder; choose another one, e.g. below /var/lib" >&2
  exit 1
}
echo changed > given
test "$(id -u)" = "$1"
test "$2" = process && exit 0
test ! -e /root && test ! -e /home && test ! -e /etc/shadow
test "$(grep -c : /proc/net/dev)" = 1
"""


def _why_not(level: str) -> str:
    """Try it for real, where builds will take place; "" = it works."""
    uid, gid = walls.build_user(settings.ASU_BUILD_UID)
    try:
        with workdir.WorkDir() as work:
            tree = work.folder("probe", owner=(uid, gid))
            given = tree / "given"
            given.write_text("given\n")
            if os.geteuid() == 0:
                os.chown(given, uid, gid)
            limits = replace(Limits(), seconds=20, output_kb=16)
            argv = ("/bin/sh", "-c", _TRY, "sh", str(uid), level)
            outcome = Sandbox(level)._run(Run(argv, tree, limits=limits), work, lambda: True)
            if outcome.returncode != 0 or outcome.killed:
                return f"the walls leak or the program did not run: {outcome.stderr.strip()[-300:] or outcome.killed}"
            if given.read_text() != "given\n":
                return "the program could write to the ImageBuilder"
    except BuildFailedError as error:
        return error.stderr or error.sentence
    except OSError as error:
        return str(error)
    return ""


@functools.cache
def probe() -> Probe:
    """The highest level that works here, found out once a process."""
    whys: list[str] = []
    for level in reversed(LEVELS):
        why = _why_not(level)
        if not why:
            return Probe(level, "; ".join(whys) or f"{level}, {cgroup.available() or 'no control groups'}")
        whys.append(f"no {level}: {why}")
    return Probe("", "; ".join(whys))


def best_runner(minimum: str | None = None) -> Sandbox:
    """The highest level there is. `minimum` ("auto" = any; default ASU_SANDBOX) that cannot be had raises."""
    minimum = minimum or settings.ASU_SANDBOX
    found = probe()
    wanted = LEVELS[0] if minimum == "auto" else minimum
    if not found.level or LEVELS.index(found.level) < LEVELS.index(wanted):
        sentence = (
            f"The worker must build at sandbox level {wanted} but cannot: {found.detail.rstrip('.')}. "
            "Install bubblewrap (apt-get install bubblewrap), allow namespaces, or demand less."
        )
        raise BuildFailedError(Reason.SANDBOX, sentence)
    return Sandbox(found.level, found.detail)
