"""The worker's command line: joins a server over HTTP and builds for it. Needs no database and no Django.

What it writes lies below its data folder: its token (`worker.json`), ImageBuilders, caches, running builds.
"""

import argparse
import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Only names; what needs the settings is imported after the data folder is known.
JOIN = "asu-join-"
WORKER = "asu-worker-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,73}")
# What ImageBuilders of all ages look for, and the Debian packages that have it.
PROGRAMS = {
    "bwrap": "bubblewrap",
    "unshare": "util-linux",
    "make": "make",
    "gcc": "gcc",
    "g++": "g++",
    "mksquashfs": "squashfs-tools",
    "xz": "xz-utils",
    "zstd": "zstd",
    "bzip2": "bzip2",
    "gzip": "gzip",
    "unzip": "unzip",
    "file": "file",
    "patch": "patch",
    "gawk": "gawk",
    "rsync": "rsync",
    "wget": "wget",
    "git": "git",
    "perl": "perl",
    "python": "python-is-python3",
}
RETRY_SECONDS = 5.0
KEPT = "worker.json"  # in the data folder: the token

logger = logging.getLogger("asu.worker")


def main(argv: list[str] | None = None) -> int:
    """Runs until it is stopped. 0: stopped by signal or by a maintainer; 1: not wanted; 2: cannot work here."""
    arguments = parser().parse_args(argv)
    if not 1 <= arguments.jobs <= 64:
        return _say("--jobs: a number from 1 to 64.")
    data = Path(arguments.data).resolve()
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _say(f"{data} cannot be made: {error.strerror}. Choose another folder with --data.")
    # The settings are read when they are first imported, from the environment.
    os.environ["ASU_DATA_DIR"] = str(data)
    if arguments.require_sandbox:
        os.environ["ASU_SANDBOX"] = arguments.require_sandbox
    os.environ["ASU_LOCAL_WORKERS"] = str(arguments.jobs)  # how many share the limits of the build user
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    with (data / "worker.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _say(f"Another worker runs in {data}. Choose another folder with --data.")
        return _run(arguments, data)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="worker", description="Builds firmware images for a server.")
    add_options(options)
    return options


def add_options(options: argparse.ArgumentParser) -> None:
    """Its options."""
    options.add_argument("--server", required=True, help="its address, e.g. https://asu.example.org")
    options.add_argument(
        "--token",
        default=os.environ.get("ASU_WORKER_TOKEN", ""),
        help="a worker's token, or a one-time join token; also from ASU_WORKER_TOKEN. Without one a token is made, and "
        "a maintainer has to approve the worker in the server's admin",
    )
    options.add_argument("--name", default="", help="how it is called in the admin (default: the name of this machine)")
    options.add_argument(
        "--data", default=os.environ.get("ASU_DATA_DIR", "asu-worker"), help="where it writes (default ./asu-worker)"
    )
    options.add_argument("--jobs", type=int, default=1, help="builds at the same time (default 1)")
    options.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="KIND:PATTERN",
        help="build only this: arch:mips_24kc, target:ath79/*, distribution:openwrt; may be repeated",
    )
    options.add_argument(
        "--require-sandbox", default="", choices=["process", "namespace", "full"], help="build behind no lower walls"
    )


def _run(arguments: argparse.Namespace, data: Path) -> int:
    from builders.transports.http import Connection

    name = arguments.name or re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:74].strip("-._") or "worker"
    if not _NAME.fullmatch(name):
        return _say("--name: letters, digits, dots and dashes, at most 74.")
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        logger.warning("not installed: %s; builds may need it (apt-get install ...)", " ".join(missing))
    token, join = _tokens(arguments.token.strip(), data)
    try:
        connection = Connection(arguments.server, token)
    except ValueError as wrong:
        return _say(str(wrong))
    return Worker(connection, name, arguments.jobs, arguments.label, join, data).run()


class Worker:
    """One process with one token and some jobs."""

    def __init__(self, connection: Any, name: str, jobs: int, labels: list[str], join: str, data: Path) -> None:
        from builders.runners import sandbox

        self.connection = connection
        self.name = name
        self.jobs = jobs
        self.labels = labels
        self.join = join
        self.data = data
        self.probe = sandbox.probe()
        self.stopping = threading.Event()
        self.code = 0
        self._said = ""

    def run(self) -> int:
        """Register, build, leave."""
        from builders.notes import Notes
        from builders.runners import sandbox, workdir
        from builders.sources import ServerSources
        from builders.spec import BuildFailedError
        from builders.workshop import Workshop
        from packages import upstream
        from packages.conf import settings

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            sandbox.best_runner()
        except BuildFailedError as error:
            return _say(error.sentence)
        upstream.authorize(self.connection.server, self.connection.authorization)
        workdir.clean_work()
        # Results of a former life: this is the only process in the data folder.
        shutil.rmtree(settings.ASU_UPLOAD_DIR, ignore_errors=True)
        workshop = Workshop(Notes(), ServerSources(self.connection.server))
        workshop.imagebuilders.repair()
        words = self._register()
        if words is None:
            return self.code
        threads = [
            threading.Thread(target=self._serve, args=(slot, workshop.build, words), name=f"job-{slot}")
            for slot in range(self.jobs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)
        logger.info("stopped")
        return self.code

    def _register(self) -> dict[str, Any] | None:
        """Until the server answers; None when it does not want us, or somebody stops us."""
        from builders.transports.base import DismissedError, TransportError

        while not self.stopping.is_set():
            try:
                words: dict[str, Any] = self.connection.call("POST", "register", self._introduction())
            except DismissedError as error:
                if error.code == "revoked" and self.join:
                    self._become_another()
                    continue
                self.code = 1
                _say(str(error))
                return None
            except TransportError as error:
                if getattr(error, "status", 0) == 404:
                    self.code = 2
                    _say("There is no server of ours at that address. Leave the path of a distribution out of it.")
                    return None
                if 400 <= getattr(error, "status", 0) < 500:
                    self.code = 2
                    _say(getattr(error, "detail", "") or str(error))
                    return None
                self._tell(f"the server cannot be reached: {error}; trying again")
                self.stopping.wait(RETRY_SECONDS)
            else:
                self._tell(f"registered as {words['worker']}, sandbox {self.probe.level or 'none'}")
                return words
        return None

    def _become_another(self) -> None:
        """The folder's token was revoked, and somebody gave us leave to join: as a new worker."""
        from packages import upstream

        self.connection.authorization = f"Bearer {_keep(WORKER + _secret(), self.data)}"
        upstream.authorize(self.connection.server, self.connection.authorization)

    def _introduction(self) -> dict[str, Any]:
        from builders import machine, shelf
        from builders.transports.http import PROTOCOL

        return {
            "protocol": PROTOCOL,
            "name": self.name,
            "instance": self.connection.instance,
            "join": self.join,
            "jobs": self.jobs,
            "labels": self.labels,
            "imagebuilders": shelf.ready(),
            "sandbox": self.probe.level,
            "sandbox_detail": self.probe.detail,
            **machine.facts(),
            **machine.load(),
        }

    def _serve(self, slot: int, build: Callable[..., Any], words: dict[str, Any]) -> None:
        from builders import agent
        from builders.transports.base import DismissedError
        from builders.transports.http import HttpTransport

        transport = _Told(HttpTransport(self.connection, slot, chunk_bytes=int(words["chunk_bytes"])), self)
        try:
            agent.run(
                transport,
                build,
                linger=float("inf"),
                # Also heard in the middle of a build, which is given back then.
                stop=lambda: self.stopping.is_set() or transport.desired == "stop",
            )
        except DismissedError as error:
            self.code = 1
            _say(str(error))
            self.stopping.set()
        except BaseException:
            self.code = 2
            self.stopping.set()
            raise

    def heard(self, transport: Any) -> None:
        """What the server wants of us."""
        if transport.desired == "stop":
            self._tell("told to stop by a maintainer")
            self.stopping.set()
        elif transport.standing == "pending":
            self._tell(
                "waiting for approval: to the server this token is new; a maintainer finds the worker in its admin, "
                "under Workers"
            )
        elif transport.standing == "suspended":
            self._tell(f"suspended: {transport.why} A maintainer can approve the worker again.")
        elif transport.desired == "drain":
            self._tell("told to drain: no further builds until a maintainer says run")
        else:
            self._tell("ready")

    def _tell(self, sentence: str) -> None:
        """Once, until there is something else to say."""
        if sentence != self._said:
            self._said = sentence
            logger.info("%s", sentence)


class _Told:
    """A transport whose answers about this worker are heard."""

    def __init__(self, transport: Any, worker: Worker) -> None:
        self._transport = transport
        self._worker = worker

    def lease(self) -> Any:
        """See `Transport`."""
        lease = self._transport.lease()
        if lease is None:
            self._worker.heard(self._transport)
        return lease

    def beat(self, *about: Any) -> bool:
        """See `Transport`. Heard before the build is told to end: one that we stop is given back, not cancelled."""
        goes_on: bool = self._transport.beat(*about)
        self._worker.heard(self._transport)
        return goes_on

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _tokens(given: str, data: Path) -> tuple[str, str]:
    """(our own token, a join token or ""). One's own is kept, so that a restart is the same worker."""
    known: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        known = json.loads((data / KEPT).read_text())
    if given and not given.startswith(JOIN):
        return _keep(given, data), ""
    return known.get("token") or _keep(WORKER + _secret(), data), given


def _keep(token: str, data: Path) -> str:
    """So that a restart is the same worker."""
    new = data / f"{KEPT}.{os.getpid()}"
    new.touch(mode=0o600)
    new.write_text(json.dumps({"token": token}))
    new.replace(data / KEPT)
    return token


def _secret() -> str:
    import secrets

    return secrets.token_urlsafe(32)


def _say(sentence: str) -> int:
    sys.stderr.write(f"worker: {sentence}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
