"""The real service in processes of its own, kept alive as a service manager does it: what dies is started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from builders.runners.keeper import below
from tests.faults.proxy import Proxy

BASE = Path(__file__).resolve().parents[2]
RESTART_SECONDS = 0.7


@dataclass(slots=True)
class Unit:
    """One program under the service manager's eyes."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    starts: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    died_at: float = 0.0

    def start(self) -> None:
        """In a session of its own."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        self.starts += 1
        self.died_at = 0.0

    def tend(self) -> None:
        """Starts it again, some time after it died, when nothing of its group is left (systemd: KillMode=mixed)."""
        assert self.process is not None
        if self.process.poll() is None:
            return
        if not self.died_at:
            self.died_at = time.monotonic()
            _signal(-self.process.pid, signal.SIGKILL)
        elif time.monotonic() - self.died_at > RESTART_SECONDS:
            self.start()

    @property
    def pid(self) -> int:
        """Of its first process; 0 while it is dead."""
        return self.process.pid if self.process is not None and self.process.poll() is None else 0

    def family(self) -> list[int]:
        """All its processes; builds have sessions of their own."""
        return [self.pid, *below(self.pid)] if self.pid else []

    def end(self, seconds: float = 10.0) -> None:
        """As `systemctl stop`: asked first, killed after some time."""
        if self.process is None:
            return
        family = self.family()
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        for pid in family:
            _signal(pid, signal.SIGKILL)
        _signal(-self.process.pid, signal.SIGKILL)
        self.process.wait()


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@dataclass(slots=True)
class Remote:
    """A worker that has only an address and a token, on the other side of a network of its own."""

    unit: Unit
    proxy: Proxy


@dataclass(slots=True)
class Service:
    """Web server, cluster with one local worker, workers elsewhere."""

    root: Path
    environment: dict[str, str]
    port: int
    web: Unit
    cluster: Unit
    remotes: list[Remote] = field(default_factory=list)

    @classmethod
    def make(cls, root: Path, environment: dict[str, str]) -> "Service":
        """On this data folder; nothing runs yet."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        # As script/server starts them.
        web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
        web += ["--no-ws", "--workers", "2", "--blocking-threads", "32", "--runtime-threads", "1", "--backpressure"]
        web += ["512", "--http1-header-read-timeout", "10000", "--workers-kill-timeout", "3"]
        web += ["--respawn-failed-workers", "--log-level", "error", "asu_site.wsgi:application"]
        cluster = [sys.executable, "manage.py", "cluster"]
        return cls(
            root,
            environment,
            port,
            Unit("web server", web, environment, BASE, root / "web.log"),
            Unit("cluster", cluster, environment, BASE, root / "cluster.log"),
        )

    def start(self, how_many_remotes: int) -> None:
        """Prepares the data folder and starts everything."""
        self.manage("prepare")
        self.web.start()
        self.cluster.start()
        self._wait_for_web()
        pyz = self.root / "worker.pyz"
        self.manage("worker_file", str(pyz))
        for number in range(1, how_many_remotes + 1):
            name = f"far-{number}"
            remote = self._remote(name, self.manage("worker_token", name).strip(), pyz if number == 1 else None)
            self.remotes.append(remote)
            remote.unit.start()

    def manage(self, *words: str) -> str:
        """A management command; what it says."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, env=self.environment, cwd=BASE, check=False, capture_output=True)
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout.decode()

    def units(self) -> list[Unit]:
        """All of it."""
        return [self.web, self.cluster, *(remote.unit for remote in self.remotes)]

    def tend(self) -> None:
        """One look of the service manager."""
        for unit in self.units():
            unit.tend()

    def stop(self) -> None:
        """The workers first."""
        for unit in reversed(self.units()):
            unit.end()
        for remote in self.remotes:
            remote.proxy.close()

    def web_processes(self) -> list[int]:
        """Those that answer."""
        return [pid for pid in below(self.web.pid) if self.web.pid and b"resource_tracker" not in command_line(pid)]

    def local_agent(self) -> int:
        """The process of the cluster that holds the slot of the local worker; 0: there is none."""
        lock = str(self.root / "data/run/slot-0.lock")
        return next((pid for pid in below(self.cluster.pid) if lock in _open_files(pid)), 0) if self.cluster.pid else 0

    def _remote(self, name: str, token: str, pyz: Path | None) -> Remote:
        proxy = Proxy(self.port)
        data = self.root / name
        data.mkdir()
        words = ["--server", f"http://127.0.0.1:{proxy.port}", "--name", name, "--data", str(data)]
        start = [str(pyz)] if pyz else ["-m", "builders.remote"]
        environment = {"PATH": os.environ["PATH"], "ASU_WORKER_TOKEN": token, "ASU_MIN_FREE_MB": "1"}
        if not pyz:
            environment["PYTHONPATH"] = str(BASE)
        return Remote(Unit(name, [sys.executable, *start, *words], environment, data, self.root / f"{name}.log"), proxy)

    def _wait_for_web(self) -> None:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"the web server did not start:\n{self.web.log.read_text()}")


def command_line(pid: int) -> bytes:
    """Of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def processes() -> Iterator[int]:
    """Everything alive on this machine but ourselves."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            yield int(entry.name)


def _open_files(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            found.add(str(entry.readlink()))
    return found
