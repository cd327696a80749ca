"""How long a build takes from POST to ready, compared with a bare `make image` of the same ImageBuilder.

    python bench/build.py [--rounds 5]

Both run in turn on the demo distribution, in a temporary folder: a request to the running service (web server and
builders, ImageBuilder and packages already there), and `make image` by hand in the same unpacked ImageBuilder, with the
same packages beside it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.load import free_port, here, wait_for

WANTED = 1.05
POLL = 0.05  # seconds between two questions; clients leave 0.5 to 5. Each costs the build a millisecond of a core


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="the median counts")
    parser.add_argument("--profile", default="acme_lighthouse-ac")
    parser.add_argument("--packages", default="luci demo-editor")
    rounds, profile, packages = (parser.parse_args().__dict__[name] for name in ("rounds", "profile", "packages"))
    with tempfile.TemporaryDirectory(prefix="asu-bench-") as name:
        # An ImageBuilder's user is not root, also where we are.
        folder = Path(name)
        folder.chmod(0o755)
        with serve(folder / "data") as port:
            wish = {"version": "25.04.0", "target": "demo/generic", "profile": profile, "packages": packages.split()}
            service = Service(port, wish)
            bare = Bare(folder, profile, packages)
            service.build()  # ImageBuilder and packages are there from now on
            bare.build()
            times = [(service.build(), bare.build()) for _ in range(rounds)]
    _tell(times)


class Service:
    """The running server, asked as clients ask it."""

    def __init__(self, port: int, wish: dict[str, Any]) -> None:
        self.connection = HTTPConnection("127.0.0.1", port)
        self.wish = wish
        self.count = 0

    def build(self) -> float:
        """Seconds from the POST of a request that was never made before to the answer that the image is ready."""
        self.count += 1
        began = time.perf_counter()
        status, answer = self._ask("POST", "/demo/api/v1/build", {**self.wish, "defaults": f"# {self.count}\n"})
        while status == 202:
            time.sleep(POLL)
            status, answer = self._ask("GET", f"/demo/api/v1/build/{answer['request_hash']}")
        assert status == 200, answer
        return time.perf_counter() - began

    def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        self.connection.request(method, path, json.dumps(body) if body else None)
        answer = self.connection.getresponse()
        return answer.status, json.load(answer)


class Bare:
    """The same ImageBuilder, unpacked by hand, with the mirror's packages at hand."""

    def __init__(self, folder: Path, profile: str, packages: str) -> None:
        mirror = folder / "data" / "demo-mirror"
        (archive,) = mirror.glob("releases/25.04.0/targets/demo/generic/*imagebuilder*.tar.*")
        self.tree = folder / "bare"
        self.tree.mkdir()
        subprocess.run(["tar", "-xf", archive, "-C", self.tree, "--strip-components=1"], check=True)
        feeds = self.tree / "repositories.conf"
        feeds.write_text(feeds.read_text().replace("https://demo.invalid", f"file://{mirror}"))
        self.script = self.tree / "files" / "etc" / "uci-defaults" / "99-asu-defaults"
        self.script.parent.mkdir(parents=True)
        self.out = folder / "out"
        self.words = [f"PROFILE={profile}", f"PACKAGES={packages}", f"FILES={self.tree / 'files'}"]
        self.count = 0

    def build(self) -> float:
        """Seconds of one `make image`."""
        self.count += 1
        self.script.write_text(f"# {self.count}\n")
        words = [*self.words, f"BIN_DIR={self.out / str(self.count)}", f"EXTRA_IMAGE_NAME={self.count:012}"]
        began = time.perf_counter()
        subprocess.run(["make", "image", *words], cwd=self.tree, check=True, capture_output=True)
        return time.perf_counter() - began


@contextmanager
def serve(data: Path) -> Iterator[int]:
    """`script/server` with a data folder of its own. Yields its port."""
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1", "ASU_DATA_DIR": str(data)}
    server = subprocess.Popen([here() / "script" / "server"], env=environment, stdout=sys.stderr)
    try:
        wait_for(port, 180)
        yield port
    finally:
        server.terminate()
        server.wait()


def _tell(times: list[tuple[float, float]]) -> None:
    service, bare = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"POST to ready      {service:7.3f} s   (median of {len(times)})")
    print(f"bare `make image`  {bare:7.3f} s")
    print(f"ratio              {service / bare:7.3f}     wanted at most {WANTED}")


if __name__ == "__main__":
    main()
