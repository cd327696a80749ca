"""A worker in a process of its own whose builds are a sleep, but all else is real: lease, beats, upload, publication.

    python -m bench.sleeper --server URL --token T --name N --seconds 15 [--build 1.0]

It says `ready` when the server knows it, begins with the next line that it reads, and takes no build after `--seconds`.
Like any worker elsewhere it runs without Django.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from builders import agent, collect, machine
from builders.spec import BuildResult, BuildSpec
from builders.states import Phase
from builders.transports.http import Connection, HttpTransport

IMAGE_BYTES = 100_000


def main() -> None:
    """Register, wait for the word, build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--server", "--token", "--name"):
        parser.add_argument(name, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--build", type=float, default=1.0, help="seconds of one build")
    options = parser.parse_args()
    connection = Connection(options.server, options.token)
    words = connection.call("POST", "register", {"name": options.name, "instance": connection.instance, **_facts()})
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.monotonic() + options.seconds
    agent.run(
        HttpTransport(connection, chunk_bytes=int(words["chunk_bytes"])),
        Sleep(options.build),
        linger=float("inf"),
        stop=lambda: False,
        enough=lambda: time.monotonic() >= until,
    )


def _facts() -> dict[str, Any]:
    return {**machine.facts(), **machine.load(), "sandbox": "full"}


class Sleep:
    """A workshop: a sleep and one image of random bytes."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(
        self, spec: BuildSpec, out: Path, report: agent.Report, go_on: agent.GoOn, say: agent.Say
    ) -> BuildResult:
        """See `builders.agent.Workshop`."""
        until = time.monotonic() + self.seconds
        report(Phase.BUILDING_IMAGE, None)
        say("sleeping\n")
        self._write(spec, out)
        found = collect.collect(out, spec, full_names={}, stdout="", max_bytes=2**30)
        time.sleep(max(0.0, until - time.monotonic()))
        return BuildResult(
            files=found.files,
            manifest=found.manifest,
            profile_json=found.profile_json,
            build_cmd=["make", "image"],
            stdout="sleeping\n",
            seconds=self.seconds,
            sandbox="full",
        )

    def _write(self, spec: BuildSpec, out: Path) -> None:
        """What an ImageBuilder leaves behind."""
        prefix = f"{spec.distribution}-{spec.version}-{spec.profile}"
        image = f"{prefix}-squashfs-sysupgrade.bin"
        (out / image).write_bytes(os.urandom(IMAGE_BYTES))
        packages = [word for word in (*spec.default_packages, *spec.packages) if not word.startswith("-")]
        (out / f"{prefix}.manifest").write_text("".join(f"{name} - 1\n" for name in sorted(set(packages))))
        entry = {
            "device_packages": [],
            "image_prefix": prefix,
            "images": [{"name": image, "type": "sysupgrade", "filesystem": "squashfs"}],
            "supported_devices": [],
            "titles": [{"title": spec.profile}],
        }
        document = {
            "metadata_version": 1,
            "target": spec.target,
            "version_number": spec.version,
            "version_code": spec.version_code,
            "arch_packages": spec.arch_packages,
            "default_packages": [],
            "profiles": {spec.profile: entry},
        }
        (out / "profiles.json").write_text(json.dumps(document))


if __name__ == "__main__":
    main()
