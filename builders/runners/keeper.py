"""The process between us and a run: puts up what must be up before the program starts, and leaves nothing behind.

Run as `python -I -S keeper.py <plan as JSON> <status descriptor> <descriptor for bubblewrap's own status>`; it imports
nothing of the project. Its standard input is a lifeline: when that ends, because the caller closed it or died (even by
`kill -9`), everything below the keeper is killed. It is the reaper of all orphans below it, so that a daemon cannot
slip away.

It tells on the status descriptor, a JSON document a line: `{"pid": n}` when the program was started, `{"error": text}`
when it could not be, `{"rc": n}` when it ended (128 + n for signal n).
"""

import ctypes
import errno
import json
import os
import resource
import select
import signal
import sys
import time
from typing import Any, NoReturn

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_NOSUID = 2
MS_NODEV = 4
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *args: Any) -> None:
    """A libc function that answers 0; OSError otherwise."""
    if getattr(_libc, name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def mount_overlay(overlay: dict[str, str], *, user_namespace: bool) -> None:
    """Mount the throw-away layer in a mount namespace of our own; it goes away with the last process in it."""
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", CLONE_NEWNS | (CLONE_NEWUSER if user_namespace else 0))
    options = f"lowerdir={overlay['lower']},upperdir={overlay['upper']},workdir={overlay['work']}"
    if user_namespace:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {uid} 1")
        _write("/proc/self/gid_map", f"0 {gid} 1")
        options += ",userxattr"
    _call("mount", b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    flags = ctypes.c_ulong(MS_NOSUID | MS_NODEV)
    merged = overlay["merged"].encode()
    try:
        # volatile: nothing of this layer outlives the run, so nothing in it needs to reach the disk.
        _call("mount", b"overlay", merged, b"overlay", flags, f"{options},volatile".encode())
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _call("mount", b"overlay", merged, b"overlay", flags, options.encode())


def start(plan: dict[str, Any]) -> int:
    """Fork the program; returns its pid. What goes wrong between fork and exec comes back as OSError."""
    keeper = os.getpid()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            _become(plan, keeper)
        except OSError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(127)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        failure = pipe.read().decode(errors="replace")
    if failure:
        raise OSError(failure)
    return pid


def _become(plan: dict[str, Any], keeper: int) -> NoReturn:
    os.setsid()
    # Only the program counts in its groups: the keeper must live on when a limit strikes.
    for folder in plan["cgroups"]:
        _write(f"{folder}/cgroup.procs", "0")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    # The working folder first: as another user it may not be reachable any more.
    os.chdir(plan["cwd"])
    os.umask(0o022)
    if plan.get("uid"):
        os.setgroups([])
        os.setgid(plan["uid"])
        os.setuid(plan["uid"])
    if plan.get("no_new_privs"):
        _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for name, value in plan["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    # After setuid, which clears it: if the keeper itself is killed, the first process goes too.
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != keeper:
        os._exit(127)
    os.execve(plan["argv"][0], plan["argv"], plan["env"])  # noqa: S606 - no shell is wanted


def below(root: int) -> list[int]:
    """The pids of all processes below `root`."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # The name in brackets may hold anything, so count from its end: state, parent.
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            found.append(pid)
            waiting.append(pid)
    return found


def _signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def kill_all() -> None:
    """Kill everything below us and wait until it is gone. Stopped first, so that a fork bomb cannot outrun us."""
    seen: set[int] = set()
    for _ in range(50):
        pids = set(below(os.getpid()))
        _signal_all(list(pids - seen), signal.SIGSTOP)
        if pids <= seen:
            break
        seen |= pids
    while True:
        _signal_all(below(os.getpid()), signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def watch(pid: int, caller: int) -> int | None:
    """Reap until the program ends and return its code, or None when the lifeline or the caller ended first."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended == pid:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
            if ended == 0:
                break
        ready, _, _ = select.select([0, reader], [], [], 2)
        if reader in ready:
            os.read(reader, 4096)
        # The second question is for a lifeline that somebody else holds open, such as a process forked by the caller.
        if (0 in ready and not os.read(0, 4096)) or os.getppid() != caller:
            return None


def main() -> int:
    """Do what the plan says."""
    plan, status, walls, caller = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), os.getppid()
    os.set_inheritable(status, False)
    os.set_inheritable(walls, plan["walled"])

    def tell(**words: Any) -> None:
        os.write(status, json.dumps(words).encode() + b"\n")

    # A Ctrl-C at the terminal is for the caller; it ends the lifeline when it wants the end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        _call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if plan.get("overlay"):
            mount_overlay(plan["overlay"], user_namespace=plan["user_namespace"])
        pid = start(plan)
    except OSError as error:
        tell(error=str(error))
        kill_all()
        return 1
    os.close(walls)
    code = None
    try:
        tell(pid=pid)
        code = watch(pid, caller)
    except BrokenPipeError:
        pass  # the caller died before it heard of the start
    finally:
        # Whatever happens: a bubblewrap that is just starting would wait for ever for its killed parent.
        kill_all()
    if code is not None:
        tell(rc=code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
