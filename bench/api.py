"""How fast the API answers, compared with an empty application under the same server.

    python bench/api.py [--seconds 5] [--connections 16] [--processes 2] [--rounds 3]

GET of a finished image (answer of about 40 KB), POST of a request that is built already, POST of new requests
(validated, written to the database). Everything happens in a temporary folder; DATABASE_URL chooses the database.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.load import Rate, Shot, free_port, here, measure, unique, wait_for

WANTED = {"GET finished": 0.3, "POST already built": 0.3, "POST new": 0.04}
ANSWER_BYTES = 40_000


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="asu-bench-") as folder:
        os.environ.update(ASU_DATA_DIR=folder, DJANGO_SETTINGS_MODULE="asu_site.settings", LOG_LEVEL="ERROR")
        body, request_hash = prepare()
        with (
            serve("bench.empty:application", arguments) as empty,
            serve("asu_site.wsgi:application", arguments) as site,
        ):
            shots = {
                "empty application": Shot(empty, "/"),
                "GET finished": Shot(site, f"/demo/api/v1/build/{request_hash}"),
                "POST already built": Shot(site, "/demo/api/v1/build", json.dumps(body)),
                "POST new": Shot(site, "/demo/api/v1/build", unique(json.dumps({**body, "defaults": "echo NUMBER"}))),
            }
            rates: dict[str, list[Rate]] = {name: [] for name in shots}
            for _ in range(arguments.rounds):
                for name, shot in shots.items():
                    rates[name].append(measure(shot, arguments.seconds, arguments.connections))
    _tell(rates)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--processes", type=int, default=2, help="of the web server")
    parser.add_argument("--rounds", type=int, default=3, help="the median counts")
    return parser.parse_args()


def prepare() -> tuple[dict[str, Any], str]:
    """The demo distribution, and one image of it that is built. Returns its request and the hash."""
    import django

    django.setup()
    from django.core.management import call_command

    from images import services
    from packages.models import Profile

    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("setup_demo")
    profile = Profile.objects.select_related("target__release").filter(target__release__version="25.04.0").first()
    assert profile is not None
    target = profile.target
    body = {"version": target.release.version, "target": target.name, "profile": profile.name, "packages": ["luci"]}
    request = services.request_image("demo", body)
    _finish(request)
    return body, request.request_hash


def _finish(request: Any) -> None:
    """Hands in a result as a worker does: one image, and a manifest and a log that make an answer of 40 KB."""
    from django.conf import settings

    from builders import queue
    from builders.models import Worker
    from builders.spec import BuildResult, ResultFile

    worker = Worker.objects.create(name="bench")
    lease = queue.lease(worker)
    assert lease is not None
    folder: Path = settings.ASU_UPLOAD_DIR / "bench"
    folder.mkdir(parents=True)
    image = os.urandom(100_000)
    (folder / "demo-sysupgrade.bin").write_bytes(image)
    sums = hashlib.sha256(image).hexdigest()
    entry = {"name": "demo-sysupgrade.bin", "type": "sysupgrade", "filesystem": "squashfs", "sha256": sums}
    manifest = {f"package-{number:04}": f"{number}.0-r1" for number in range(400)}
    result = BuildResult(
        files=[ResultFile("demo-sysupgrade.bin", len(image), sums)],
        manifest=manifest,
        profile_json={"metadata_version": 1, "profiles": {request.profile: {"titles": [], "images": [entry]}}},
        build_cmd=["make", "image"],
        stdout="x" * (ANSWER_BYTES - len(json.dumps(manifest)) - 1500),
    )
    queue.finish(lease, worker, result, folder)


@contextmanager
def serve(application: str, arguments: argparse.Namespace) -> Iterator[int]:
    """The same server for both, as script/server starts it. Yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--no-ws"]
    command += ["--workers", str(arguments.processes), "--blocking-threads", "32", "--runtime-threads", "1"]
    command += ["--backpressure", "128", "--log-level", "error", application]
    server = subprocess.Popen(command, cwd=here())
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def _tell(rates: dict[str, list[Rate]]) -> None:
    medians = {name: statistics.median(rate.per_second for rate in runs) for name, runs in rates.items()}
    empty = medians["empty application"]
    print(f"{'':20} {'answers/s':>10} {'of empty':>9} {'wanted':>7} {'errors':>7}")
    for name, median in medians.items():
        wanted = f"{WANTED[name]:.2f}" if name in WANTED else ""
        errors = sum(rate.errors for rate in rates[name])
        print(f"{name:20} {median:10.0f} {median / empty:9.3f} {wanted:>7} {errors:7}")


if __name__ == "__main__":
    main()
