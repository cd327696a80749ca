"""What a program sees inside the walls: the bubblewrap arguments, its environment, its `/etc`. Pure but for looking."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from builders.runners.base import Limits

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TREE = "/builder"
ENVIRONMENT = {"PATH": PATH, "HOME": "/tmp", "LC_ALL": "C"}  # noqa: S108 - inside, a private one

# Of the host's /etc only what the loader and Debian's alternatives need; nothing else of it concerns a build.
_ETC = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/magic",
    "/etc/mke2fs.conf",
)
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_MB = 1024 * 1024


def rlimits(limits: Limits, *, own_user: bool, runs: int) -> dict[str, int]:
    """What the kernel holds each process to. The sum of all is watched from outside (`watch`).

    Processes can only be counted by user, so this needs a user of our own; so many `runs` share it.
    """
    found = {
        # A little above, so that the watch, which counts all processes together, strikes first and can say why.
        "RLIMIT_CPU": limits.cpu_seconds + 5,
        "RLIMIT_FSIZE": limits.disk_mb * _MB,
        "RLIMIT_NOFILE": 4096,
        "RLIMIT_CORE": 0,
    }
    if own_user:
        found["RLIMIT_NPROC"] = limits.processes * runs + 64
    return found


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a run: nothing of ours gets in."""
    return {**ENVIRONMENT, **extra}


def write_etc(folder: Path, uid: int) -> dict[str, Path]:
    """Make a `passwd` and a `group` with the one user that a build needs; inside path -> file."""
    texts = {
        "passwd": f"root:x:0:0:root:/root:/bin/sh\nbuild:x:{uid}:{uid}:build:/tmp:/bin/sh\n",
        "group": f"root:x:0:\nbuild:x:{uid}:\n",
    }
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    return {f"/etc/{name}": folder / name for name in texts}


def _system(hidden: Iterable[Path]) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr", *_open_folder("/etc")]
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            words += ["--ro-bind", name, name]
    for name in _ETC:
        words += ["--ro-bind-try", name, name]
    # A server installed below /usr would otherwise show its data.
    for path in hidden:
        if path.is_relative_to("/usr") and path.is_dir():
            words += ["--tmpfs", str(path)]
    return words


def _open_folder(inside: str) -> list[str]:
    return ["--perms", "0755", "--dir", inside]


def _scratch(limits: Limits) -> list[str]:
    # Memory file systems count against nobody, so they are small.
    size = str(min(512, limits.memory_mb) * _MB)
    words = ["--proc", "/proc", "--dev", "/dev", "--size", str(16 * _MB), "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108
    return [*words, "--size", size, "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108


def _namespaces(*, as_root: bool, uid: int, gid: int, can_disable_userns: bool) -> list[str]:
    if as_root:
        words = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        # Just enough to become the build user, which gives up the rest.
        return [*words, "--cap-drop", "ALL", *_cap("SETUID"), *_cap("SETGID"), *_cap("SETPCAP")]
    words = ["--unshare-all", "--unshare-user", "--uid", str(uid), "--gid", str(gid), "--cap-drop", "ALL"]
    return [*words, "--disable-userns"] if can_disable_userns else words


def _cap(name: str) -> tuple[str, str]:
    return "--cap-add", f"CAP_{name}"


def become(uid: int) -> list[str]:
    """The words that turn root into the build user for good."""
    user = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs"]
    return ["/usr/bin/setpriv", *user, "--inh-caps=-all", "--bounding-set=-all", "--"]


def bubblewrap(
    program: str,
    *,
    tree: Path,
    binds: Iterable[tuple[str, Path, bool]],
    env: Mapping[str, str],
    limits: Limits,
    hidden: Iterable[Path],
    as_root: bool,
    uid: int,
    gid: int,
    status_fd: int,
    can_disable_userns: bool,
) -> list[str]:
    """The arguments that put up the walls; what to run in them follows.

    `binds` are (inside path, host path, writable). Root sets the walls up as root and becomes the build user inside,
    so that the host's folders need not be open to that user.
    """
    words = [program, "--die-with-parent", "--new-session", "--hostname", "builder", "--json-status-fd", str(status_fd)]
    words += _namespaces(as_root=as_root, uid=uid, gid=gid, can_disable_userns=can_disable_userns)
    words += _system(hidden) + _scratch(limits) + ["--bind", str(tree), TREE]
    for inside, host, writable in sorted(binds):
        # Folders that bubblewrap makes by itself would be closed to the build user.
        for parent in reversed(Path(inside).parents[:-1]):
            if parent != Path("/etc") and not parent.is_relative_to(TREE):
                words += _open_folder(str(parent))
        words += ["--bind" if writable else "--ro-bind", str(host), inside]
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", TREE, "--clearenv"]
    for name, value in env.items():
        words += ["--setenv", name, value]
    return [*words, "--", *(become(uid) if as_root else [])]


def build_user(uid: int) -> tuple[int, int]:
    """Who builds: (uid, gid). The user of our own when we are root, otherwise ourselves."""
    return (uid, uid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
