"""CPU seconds of the catalogue's sync over a full-size mirror: first names, names again, all documents, all again.

    python -m bench.catalogue --catalogue openwrt-catalogue.json.xz [--packages packages-ipq806x.xz]

The mirror is made of the files given, in a temporary folder, and served by another process; only the sync is counted.
"""

import argparse
import json
import lzma
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen


def main() -> None:
    """Make the mirror, run the syncs, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True, help="releases, targets and profiles (.json.xz)")
    parser.add_argument("--packages", type=Path, help="a Packages index (.xz): the time to load one target")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="asu-bench-") as folder:
        os.environ["ASU_DATA_DIR"] = f"{folder}/data"
        os.environ["LOG_LEVEL"] = "WARNING"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "asu_site.settings")
        mirror = Path(folder, "mirror")
        releases = json.loads(lzma.decompress(options.catalogue.read_bytes()))
        write_mirror(mirror, releases)
        server, url = serve(mirror)
        try:
            run(url, releases, lzma.decompress(options.packages.read_bytes()) if options.packages else b"")
        finally:
            server.terminate()
            server.wait()


def write_mirror(root: Path, releases: dict[str, Any]) -> None:
    """The documents that a sync reads, in the layout of a download server."""
    listed = [version for version in releases if version[0].isdigit()]
    root.mkdir(parents=True)
    (root / ".versions.json").write_text(json.dumps({"versions_list": listed, "stable_version": listed[-1]}))
    for version, targets in releases.items():
        folder = root / "releases" / version if version[0].isdigit() else root / "snapshots"
        folder.mkdir(parents=True)
        architectures = {name: target["arch_packages"] for name, target in targets.items()}
        (folder / ".targets.json").write_text(json.dumps(architectures))
        devices = [
            {"id": profile, "target": name, "titles": _titles(profile)}
            for name, target in targets.items()
            for profile in target["profiles"]
        ]
        (folder / ".overview.json").write_text(json.dumps({"release": version, "profiles": devices}))
        for name, target in targets.items():
            write_target(folder / "targets" / name, version, name, target)


def write_target(folder: Path, version: str, name: str, target: dict[str, Any]) -> None:
    """profiles.json and sha256sums. Titles and images, which the data lacks, are made up in usual number."""
    folder.mkdir(parents=True)
    archive = target["imagebuilder"] or ""  # a few targets have none
    profiles = {
        profile: {
            "device_packages": packages,
            "image_prefix": f"openwrt-{version}-{name.replace('/', '-')}-{profile}",
            "supported_devices": [profile.replace("_", ",", 1)],
            "titles": _titles(profile),
            "images": [
                {"name": f"{profile}-squashfs-{kind}.bin", "type": kind, "filesystem": "squashfs", "sha256": "0" * 64}
                for kind in ("factory", "sysupgrade")
            ],
        }
        for profile, packages in target["profiles"].items()
    }
    kernel = target["linux_kernel"]
    document = {
        "metadata_version": 1,
        "target": name,
        "version_number": version,
        "version_code": "r1-0123456789",
        "arch_packages": target["arch_packages"],
        "default_packages": target["default_packages"],
        "profiles": profiles,
        **({"linux_kernel": kernel} if isinstance(kernel, dict) else {}),
    }
    (folder / "profiles.json").write_text(json.dumps(document))
    (folder / "sha256sums").write_text(f"{target['sha256']} *{archive}\n" if archive else f"{'0' * 64} *config.seed\n")


def _titles(profile: str) -> list[dict[str, str]]:
    return [{"vendor": profile.partition("_")[0], "model": profile.partition("_")[2]}]


def serve(root: Path) -> tuple["subprocess.Popen[bytes]", str]:
    """python's http.server on a free port, in a process of its own."""
    code = (
        "import http.server, socketserver, functools, sys\n"
        "class H(http.server.SimpleHTTPRequestHandler):\n"
        "    protocol_version = 'HTTP/1.1'\n"
        "    disable_nagle_algorithm = True\n"
        "    def log_message(self, *a): pass\n"
        "s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(H, directory=sys.argv[1]))\n"
        "print(s.server_port, flush=True)\n"
        "s.serve_forever()\n"
    )
    server = subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    urlopen(f"{url}/.versions.json").close()
    return server, url


def run(url: str, releases: dict[str, Any], packages: bytes) -> None:
    """The syncs in order; each line names what was done and what it cost."""
    import django

    django.setup()
    from django.core.management import call_command

    from packages.models import Distribution, Profile, Target
    from packages.sync import SyncReport, sync_distribution

    call_command("migrate", verbosity=0)
    distribution = Distribution.objects.create(name="openwrt", url=url)

    def sync(full: bool) -> Callable[[], SyncReport]:
        return lambda: sync_distribution(distribution, full=full)

    measure("first sync of names", sync(False))
    print(f"  targets: {Target.objects.count()} of {sum(map(len, releases.values()))}")
    measure("the same again, unchanged", sync(False))
    measure("all documents (--full)", sync(True))
    print(f"  profiles: {Profile.objects.count()}")
    measure("the same again, unchanged", sync(True))
    measure_catalogue(distribution, packages)


def measure(what: str, action: Callable[[], Any]) -> None:
    """One line: CPU of this process and wall time."""
    cpu, wall = time.process_time(), time.perf_counter()
    report = action()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{what:32} {cpu:8.2f} s CPU {wall:8.2f} s wall   {report.summary()}")
    for error in report.errors[:3]:
        print(f"  {error}")


def measure_catalogue(distribution: Any, packages: bytes) -> None:
    """Loading one target into memory, and finding it there."""
    from packages import catalogue
    from packages.models import Feed, Target
    from packages.parsing import opkg
    from packages.sync.rows import store_packages

    target = Target.objects.select_related("release").filter(synced_at__isnull=False).order_by("id")[0]
    if packages:
        feed = Feed.objects.create(release=target.release, name="base", kind="arch", path="x", index_sha256="0" * 64)
        print(f"packages of the target: {store_packages(feed, opkg.parse(packages))}")
        target.feeds.add(feed)
    key = (distribution.name, target.release.version, target.name)
    start = time.perf_counter()
    catalogue.find(*key)
    print(f"load one target                  {time.perf_counter() - start:8.3f} s")
    rounds = 20_000
    start = time.perf_counter()
    for _ in range(rounds):
        catalogue.find(*key)
    print(f"find it again                    {(time.perf_counter() - start) / rounds * 1e6:8.1f} us")


if __name__ == "__main__":
    main()
