"""What a page costs the server over a million builds and the full-size catalogue, against a view that says two bytes.

    python bench/pages.py [--builds 1000000] [--catalogue openwrt-catalogue.json.xz] [--packages packages-ipq806x.xz]
                          [--only WORD ...] [--keep FOLDER]

Each page is asked for through the whole application, as the web server would: the layer before Django, middleware,
session, database. Told are CPU milliseconds (user and system) of this process, those of PostgreSQL beside it, and what
the first question cost, when nothing was in memory. `over` is more than the issue of the house allows.

With the DATABASE_URL of a PostgreSQL server a new database is made there and dropped at the end. `--keep FOLDER` makes
the rows once and finds them again the next time (with DATABASE_URL: in that very database).
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import big, site

if TYPE_CHECKING:
    from packages.models import Profile

PUBLIC, SEARCH, ADMIN = 0.050, 0.020, 0.150  # seconds of CPU
METRICS = 0.300  # one program asks for them, a few times a minute
_EMPTY = "/bench-empty"
_ENOUGH, _MOST, _LEAST = 0.5, 40, 5  # seconds and repetitions
_SECRET = "0123456789abcdef0123456789abcdef"  # against forged posts: the same in cookie and header
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Page:
    """An address, and what it may cost."""

    name: str
    address: str
    limit: float
    form: str = ""  # what is posted; "": it is a GET


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of one page."""

    status: int
    size: int
    cold: float
    warm: float
    database: float


def main() -> int:
    """0 when no page is over its limit."""
    options = _options()
    with _site(options):
        ask = _asker()
        empty = measure(ask, Page("", _EMPTY, PUBLIC))
        print(f"{'page':44} {'ms':>7} {'of empty':>9} {'database':>9} {'first':>7} {'bytes':>7}  limit")
        print(f"{'an empty view':44} {empty.warm * 1000:7.2f} {1:9.1f}")
        over = sum(_tell(page, measure(ask, page), empty) for page in pages() if _is_wanted(page, options))
    return 1 if over else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    big.add_arguments(parser)
    parser.add_argument(
        "--only", action="append", metavar="WORD", help="pages with this in their name; may be repeated"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the rows once, and find them again")
    return parser.parse_args()


def _is_wanted(page: Page, options: argparse.Namespace) -> bool:
    return not options.only or any(word in page.name for word in options.only)


def _tell(page: Page, cost: Cost, empty: Cost) -> bool:
    """One line; whether it is over."""
    if cost.status == 404:
        print(f"{page.name:44} not there: {page.address}")
        return False
    total = cost.warm + cost.database
    word = "ok" if total <= page.limit else "OVER"
    note = "" if cost.status == 200 else f" status {cost.status}"
    print(
        f"{page.name:44} {cost.warm * 1000:7.1f} {cost.warm / empty.warm:9.0f} {cost.database * 1000:9.1f}"
        f" {cost.cold * 1000:7.1f} {cost.size:7}  {page.limit * 1000:.0f} {word}{note}",
        flush=True,
    )
    return word == "OVER" or bool(note)


# -- what is asked for -------------------------------------------------------------------------------------


def pages() -> Iterator[Page]:
    """All of them; what a branch does not have yet answers 404, and is told so."""
    yield from _public()
    yield from _admin()


def _public() -> Iterator[Page]:
    from packages.models import Profile

    profile = Profile.objects.select_related("target__release").order_by("-id")[0]
    yield Page("home", "/", PUBLIC)
    yield from _devices(profile)
    yield from _images(profile)
    yield Page("updates", "/updates/", PUBLIC)
    yield Page("updates: a verdict", "/updates/", PUBLIC, urlencode({"text": _paste()}))
    yield Page("statistics", "/statistics/", PUBLIC)
    yield Page("statistics: a year", "/statistics/?days=365&distribution=openwrt", PUBLIC)
    yield Page("statistics: a chart as CSV", "/statistics/builds.csv?days=365", PUBLIC)
    yield Page("news of a distribution", "/news/openwrt.atom", PUBLIC)
    yield Page("news of a device", f"/news/openwrt/{profile.target.name}/{profile.name}.atom?packages=luci", PUBLIC)
    for name in ("status", "about", "docs", "network-profiles", "news/webhooks"):
        yield Page(name, f"/{name}/", PUBLIC)
    for name in ("status.json", "readyz"):
        yield Page(name, f"/{name}", PUBLIC)
    yield Page("metrics", "/metrics", METRICS)


def _devices(profile: "Profile") -> Iterator[Page]:
    """Finding one, its page, and choosing packages for it."""
    device = f"/devices/openwrt/{profile.target.name}/{profile.name}/"
    version = urlencode({"version": profile.target.release.version})
    offered = profile.target.feeds.order_by("id")[0].packages.order_by("id").values_list("name", flat=True)[:40]
    chosen = f"{version}&{urlencode({'packages': ' '.join(offered)})}"
    yield Page("devices", "/devices/", PUBLIC)
    yield Page("devices: page 300", "/devices/?page=300", PUBLIC)
    for term in ("archer", "tp-link archer c7 v2", "a", "zzzz"):
        yield Page(f"devices: search {term!r}", f"/devices/?{urlencode({'q': term})}", SEARCH)
    yield Page("devices: while somebody types", "/devices/?part=short&q=archr", SEARCH)
    yield Page("device", device, PUBLIC)
    yield Page("device: choose", f"{device}choose/?{version}", PUBLIC)
    yield Page("device: choose, many packages", f"{device}choose/?{chosen}", PUBLIC)
    yield Page("device: choose, packages found", f"{device}choose/packages?{version}&q=luci", PUBLIC)
    yield Page("device: choose, one more", f"{device}choose/selection?{version}&add=luci", PUBLIC)


def _images(profile: "Profile") -> Iterator[Page]:
    """Lists, images in each state, two side by side."""
    from builders.models import Build
    from images.models import ImageRequest

    newest = ImageRequest.objects.order_by("-id")[0]
    yield Page("images", "/images/", PUBLIC)
    for part in (100_000, newest.pk // 2, 10):
        yield Page(f"images: before {part}", f"/images/?before={part}", PUBLIC)
    for state in ("ready", "waiting", "failed"):
        yield Page(f"images: {state}", f"/images/?state={state}", PUBLIC)
        yield Page(f"images: {state}, in the middle", f"/images/?state={state}&before={newest.pk // 2}", PUBLIC)
    terms = {
        "device": profile.name,
        "target": profile.target.name,
        "family": "tplink",
        "release": "22.03.7",
        "device and release": f"{profile.name} 24.10.8",
        "family and release": "tplink 24.10.8",
        "hash": newest.request_hash[:8],
        "nothing": "zzzz",
    }
    for name, term in terms.items():
        yield Page(f"images: search {name}", f"/images/?{urlencode({'q': term})}", PUBLIC)
    yield Page("images: search family, failed", "/images/?q=tplink&state=failed", PUBLIC)
    yield Page("images: search device, failed", f"/images/?q={profile.name}&state=failed", PUBLIC)
    found = {state: Build.objects.filter(state=state).order_by("-id")[0].spec_hash for state in ("done", "failed")}
    found["queued"] = Build.objects.filter(state="queued").order_by("-id")[0].spec_hash
    for state, name in found.items():
        yield Page(f"image: {state}", f"/images/{name}/", PUBLIC)
    yield Page("image: queued, live", f"/images/{found['queued']}/live", PUBLIC)
    other = Build.objects.filter(state="done").order_by("-id")[1].spec_hash
    yield Page("compare", "/compare/", PUBLIC)
    yield Page("compare: two images", f"/compare/?{urlencode({'a': found['done'], 'b': other})}", PUBLIC)


def _paste() -> str:
    """What a router of an old release prints: its board, and 150 packages."""
    from packages.models import Profile

    profile = Profile.objects.select_related("target").filter(target__release__version="23.05.6").order_by("id")[0]
    told = {"version": "23.05.6", "distribution": "OpenWrt", "target": profile.target.name, "revision": "r1-0123456789"}
    board = {"board_name": profile.name, "rootfs_type": "squashfs", "release": told}
    names = profile.target.feeds.order_by("id")[0].packages.order_by("id").values_list("name", "version")[:150]
    return "\n".join([json.dumps(board, indent=1), *(f"{name} - {version}" for name, version in names)])


def _admin() -> Iterator[Page]:
    from builders.models import Build, Worker
    from images.models import Image
    from packages.lists.keyset import Cursor
    from packages.models import Distribution

    def a_list(model: str, name: str, **query: str) -> Page:
        question = f"?{urlencode(query)}" if query else ""
        what = model.partition("/")[2]
        return Page(f"admin: {what}{f', {name}' if name else ''}", f"/admin/{model}/{question}", ADMIN)

    middle = {"p": Cursor("after", [Build.objects.order_by("-id")[0].pk // 2]).write()}
    worker = str(Worker.objects.order_by("-id")[0].pk)
    row = Build.objects.filter(state="failed").order_by("-id")[0]
    distribution, image = Distribution.objects.get(name="openwrt"), Image.objects.order_by("-id")[0]
    yield Page("admin: today", "/admin/", ADMIN)
    for model in ("builders/build", "builders/attempt", "images/imagerequest", "images/image", "images/imagefile"):
        yield a_list(model, "")
        yield a_list(model, "in the middle", **middle)
        yield a_list(model, "the last", p="last")
        yield a_list(model, "search hash", q=row.spec_hash[:8])
    for model in ("builders/build", "images/imagerequest", "images/image"):
        for term in (row.profile, row.target, "tplink", "ath79", row.version, "zzzz"):
            yield a_list(model, f"search {term}", q=term)
        yield a_list(model, "7 days", days="7")
        yield a_list(model, "distribution", distribution="openwrt")
        yield a_list(model, "no such distribution", distribution="nowhere")
        yield a_list(model, "oldest release", version="22.03.7")
        yield a_list(model, "release and target", version=row.version, target=row.target)
        yield a_list(model, "device", profile=row.profile)
    for state in ("queued", "building", "done", "failed", "expired", "dropped", "parked"):
        yield a_list("builders/build", state, state=state)
    for reason in ("image_too_big", "timeout", "disk_full"):
        yield a_list("builders/build", reason, reason=reason)
    yield a_list("builders/build", "worker", worker=worker)
    yield a_list("builders/build", "failed of a release", state="failed", version="22.03.7")
    yield a_list("builders/build", "done of the oldest release", state="done", version="22.03.7")
    yield a_list("builders/build", "parked in 7 days", state="parked", days="7")
    yield a_list("builders/build", "by hash", o="1")
    yield a_list("builders/attempt", "lost", outcome="lost")
    yield a_list("builders/attempt", "worker", worker=worker)
    for standing in ("served", "expired", "withdrawn", "pinned"):
        yield a_list("images/image", standing, standing=standing)
    yield a_list("images/imagerequest", "client owut", client="owut/")
    yield Page("admin: one build", f"/admin/builders/build/{row.pk}/change/", ADMIN)
    yield Page("admin: one build, live", f"/admin/builders/build/{row.pk}/live/", ADMIN)
    for model in ("builders/worker", "builders/imagebuilder", "builders/jointoken", "images/clienttoken"):
        yield a_list(model, "")
    for model in ("distribution", "channel", "release", "target", "profile", "feed", "package", "syncrun"):
        yield a_list(f"packages/{model}", "")
    for model in ("packagechange", "networkprofile", "allowedrepository", "distributionkey", "flavourdevice"):
        yield a_list(f"packages/{model}", "")
    yield Page("admin: one distribution", f"/admin/packages/distribution/{distribution.pk}/change/", ADMIN)
    release = distribution.releases.order_by("id")[0]
    yield Page("admin: one release", f"/admin/packages/release/{release.pk}/change/", ADMIN)
    yield Page("admin: one image", f"/admin/images/image/{image.pk}/change/", ADMIN)
    yield Page("admin: one worker", f"/admin/builders/worker/{worker}/change/", ADMIN)
    yield a_list("packages/package", "search", q="luci")
    yield a_list("packages/profile", "search", q="tplink")
    for model in ("stats/dailycount", "stats/incident", "news/subscription", "news/delivery", "auth/user"):
        yield a_list(model, "")
    yield Page("admin: dailycount, 30 days", "/admin/stats/dailycount/?name=package&days=30", ADMIN)
    yield a_list("admin/logentry", "")


# -- asking ------------------------------------------------------------------------------------------------

Ask = Callable[[Page], tuple[int, int]]


def measure(ask: Ask, page: Page) -> Cost:
    """Asks some times. Memories that a page fills stay filled from the second time on."""
    began = time.process_time()
    status, size = ask(page)
    cold = time.process_time() - began
    count, cpu, database = 0, time.process_time(), _database_seconds()
    while count < _LEAST or (time.process_time() - cpu < _ENOUGH and count < _MOST):
        ask(page)
        count += 1
    warm, behind = time.process_time() - cpu, _database_seconds() - database
    return Cost(status, size, cold, warm / count, behind / count)


def _asker() -> Ask:
    """Asks the application as an operator; gives status and size."""
    from django.conf import settings
    from django.http import HttpRequest, HttpResponse
    from django.test import RequestFactory
    from django.urls import path

    from asu_site import urls

    def empty(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"ok")

    urls.urlpatterns.insert(0, path(_EMPTY[1:], empty))
    from asu_site.wsgi import application

    factory, session = RequestFactory(), _signed_in()

    def ask(page: Page) -> tuple[int, int]:
        seen: list[str] = []
        about: dict[str, str] = {"HTTP_HOST": "localhost", "HTTP_ACCEPT_ENCODING": "gzip, br"}
        if page.address.startswith("/admin/"):
            about["HTTP_COOKIE"] = session
        if page.form:
            about |= {"HTTP_COOKIE": f"{settings.CSRF_COOKIE_NAME}={_SECRET}", "HTTP_X_CSRFTOKEN": _SECRET}
            kind = "application/x-www-form-urlencoded"
            environ = factory.post(page.address, page.form, content_type=kind, **about).environ  # type: ignore[arg-type]
        else:
            environ = factory.get(page.address, **about).environ  # type: ignore[arg-type]
        body = application(environ, lambda status, headers, *_: seen.append(status))
        size = sum(map(len, body))
        if hasattr(body, "close"):
            body.close()
        return int(seen[-1].split()[0]), size

    return ask


def _signed_in() -> str:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    user, _ = User.objects.get_or_create(username="bench", defaults={"is_staff": True, "is_superuser": True})
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _database_seconds() -> float:
    """What the process of PostgreSQL that answers us has used, where it runs on this machine; SQLite runs in ours."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


@contextmanager
def _site(options: argparse.Namespace) -> Iterator[None]:
    """Django set up over the rows."""
    with _place(options) as (folder, url):
        os.environ.update(ASU_DATA_DIR=str(folder), DATABASE_URL=url, LOG_LEVEL="ERROR", ASU_FAST_ANSWER_SECONDS="0")
        os.environ["DJANGO_SETTINGS_MODULE"] = "asu_site.settings"
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        from builders.models import Build

        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if not Build.objects.exists():
            big.make(folder, options)
        try:
            yield
        finally:
            connection.close()


@contextmanager
def _place(options: argparse.Namespace) -> Iterator[tuple[Path, str]]:
    """A folder and the address of a database."""
    if options.keep:
        folder = options.keep.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        yield folder, os.environ.get("DATABASE_URL") or f"sqlite:///{folder}/db.sqlite3"
        return
    with tempfile.TemporaryDirectory(prefix="asu-bench-") as name, site.scratch_database() as url:
        yield Path(name), url or f"sqlite:///{name}/db.sqlite3"


if __name__ == "__main__":
    sys.exit(main())
