"""What the page of an image shows, made from its rows. Nothing here is secret: what is, stays in `spec`."""

import hashlib
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.functional import cached_property

from builders import livelog, waiting
from builders.models import Build
from builders.states import OPEN, Phase, Reason, State
from builders.waiting import Forecast
from images import load, polls
from images.models import Image, ImageFile, ImageRequest
from packages.models import Distribution, NetworkProfileFile, first_title

# Of a long log the beginning and, longer, the end: what went wrong stands there.
LOG_HEAD = 16 * 1024
LOG_TAIL = 64 * 1024
LIVE_TAIL = 4 * 1024
LIVE_LINES = 12

_PHASE_WORDS = {
    Phase.INIT: "getting ready",
    Phase.DOWNLOAD_IMAGEBUILDER: "downloading the ImageBuilder",
    Phase.UNPACK_IMAGEBUILDER: "unpacking the ImageBuilder",
    Phase.CALCULATE_PACKAGES_HASH: "fetching packages",
    Phase.BUILDING_IMAGE: "building the image",
}


@dataclass(frozen=True, slots=True)
class Log:
    """A log as shown: `cut` says how many characters are left out between head and tail."""

    name: str
    head: str
    tail: str = ""
    cut: int = 0


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A package of the image; `is_requested`: somebody asked for it by name."""

    name: str
    version: str
    is_requested: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A station on the way of a build: done, current or still to come."""

    words: str
    state: str  # "done" | "now" | "todo"


class ImagePage:
    """All that the page of one request tells."""

    def __init__(self, request: ImageRequest) -> None:
        self.request = request
        self.build: Build | None = request.build
        self.image: Image | None = getattr(request, "image", None)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """What was built; lists do without."""
        return self.build.spec if self.build else {}

    @cached_property
    def title(self) -> str:
        """The device as people call it, as far as the request's own rows know."""
        return title_of(self.request)

    @property
    def full_title(self) -> str:
        """The same; before there is an image the catalogue knows."""
        if self.title != self.request.profile:
            return self.title
        profile = self.request.profile_in_catalogue()
        return profile.title if profile else self.title

    @property
    def is_pending(self) -> bool:
        """Whether the page is worth loading again in a few seconds."""
        if self.build is None:
            return self.request.status == ImageRequest.Status.PREPARING
        return self.build.state in OPEN

    @property
    def state(self) -> str:
        """One word for the badge: queued, building, ready, failed, expired, withdrawn, preparing or refused."""
        if self.image is not None and self.image.withdrawn_at:
            return "withdrawn"
        if self.build is None:
            return self.request.status
        if self.image is not None and self.image.expired_at and self.build.state not in OPEN:
            return "expired"
        return "ready" if self.build.state == State.DONE else self.build.state

    @property
    def forecast(self) -> Forecast | None:
        """Its place in the queue, and how long that will take."""
        if self.build is None or self.build.state != State.QUEUED:
            return None
        polls.noticed(self.build.pk)  # somebody looks at its page: it is wanted
        return waiting.of(self.build)

    @property
    def wait(self) -> str:
        """The expected time until it begins, in words."""
        forecast = self.forecast
        return load.minutes(forecast.seconds) if forecast and forecast.seconds is not None else ""

    @property
    def steps(self) -> list[Step]:
        """The phases of a build, for as long as it is under way."""
        if self.build is None or self.build.state not in OPEN:
            return []
        now = Phase(self.build.phase or Phase.INIT) if self.build.state == State.BUILDING else None
        steps, state = [Step("queued", "done" if now else "now")], "done" if now else "todo"
        for phase in Phase:
            if phase == now:
                state = "todo"
                progress = f" {self.build.progress} %" if self.build.progress is not None else ""
                steps.append(Step(_PHASE_WORDS[phase] + progress, "now"))
            else:
                steps.append(Step(_PHASE_WORDS[phase], state))
        return steps

    @property
    def live_log(self) -> str:
        """The last lines of what a running build says."""
        if self.build is None or self.build.state != State.BUILDING:
            return ""
        data, _ = livelog.read(self.build.pk, self.build.epoch, offset=-LIVE_TAIL, most=LIVE_TAIL)
        return "\n".join(data.decode("utf-8", "replace").splitlines()[-LIVE_LINES:])

    @property
    def is_users_failure(self) -> bool:
        """Whether asking again unchanged is of no use."""
        return bool(self.build and self.build.reason and Reason(self.build.reason).is_users)

    # -- what was asked for -----------------------------------------------------------------------------------

    @property
    def added(self) -> list[str]:
        return [word for word in self.spec.get("packages", ()) if not word.startswith("-")]

    @property
    def removed(self) -> list[str]:
        return [word[1:] for word in self.spec.get("packages", ()) if word.startswith("-")]

    @property
    def script(self) -> dict[str, Any] | None:
        """The first-boot script: only how long it is and its sum, for it may hold passwords."""
        text = self.spec.get("defaults") or ""
        data = text.encode()
        return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} if data else None

    @cached_property
    def network_profile(self) -> dict[str, Any] | None:
        """Its name and how much it brings, and the paths where they are shown; never what stands in a file."""
        name = self.request.echo.get("network_profile")
        if not name:
            return None
        files = self.spec.get("files", ())
        # A flavour's own files are beside them, and may be none to show.
        shown = set(
            NetworkProfileFile.objects.filter(profile__name=name, profile__is_public=True).values_list(
                "path", flat=True
            )
        )
        paths = [{"path": file["path"], "mode": f"{file['mode']:o}"} for file in files if file["path"] in shown]
        return {"name": name, "count": len(files), "paths": paths}

    @property
    def repositories(self) -> list[dict[str, str]]:
        """Those that were named, with the state of each that is no feed of the target's anyway."""
        states = {feed["url"]: feed["index_sha256"] for feed in self.spec.get("feeds", ()) if feed["kind"] == "extra"}
        named = self.request.echo.get("repositories") or {}
        return [{"name": name, "url": url, "state": states.get(url, "")} for name, url in named.items()]

    @property
    def has_replaced_feeds(self) -> bool:
        return bool(self.repositories) and self.request.echo.get("repositories_mode") == "replace"

    # -- how it was made --------------------------------------------------------------------------------------

    @cached_property
    def imagebuilder(self) -> dict[str, str]:
        """File name, SHA-256 and, if the public can reach it, the address."""
        found = self.spec.get("imagebuilder", {})
        return {
            "file_name": found.get("file_name", ""),
            "sha256": found.get("sha256", ""),
            "url": public_address(self.request.distribution, found.get("url", "")),
        }

    @property
    def flavour_feeds(self) -> list[dict[str, str]]:
        """What the ImageBuilder of the base knows nothing of, with addresses where the public can reach them."""
        return [
            {"name": feed["name"], "url": public_address(self.request.distribution, feed["url"])}
            for feed in self.spec.get("feeds", ())
            if feed["kind"] == "flavour"
        ]

    @property
    def command(self) -> str:
        """The build command as one would type it."""
        return shlex.join(self.build.build_cmd) if self.build and self.build.build_cmd else ""

    @property
    def logs(self) -> list[Log]:
        if self.build is None:
            return []
        texts = (("Output", self.build.stdout), ("Messages", self.build.stderr))
        return [cut_log(name, text) for name, text in texts if text.strip()]

    # -- what came out ----------------------------------------------------------------------------------------

    @property
    def files(self) -> list[ImageFile]:
        """Images first."""
        return sorted(self.image.files.all(), key=lambda file: (not file.type, file.name)) if self.image else []

    @property
    def is_signed(self) -> bool:
        return any(file.name.endswith(".sig") for file in self.files)

    @property
    def downloads(self) -> int:
        return sum(file.downloads for file in self.files)

    @property
    def manifest(self) -> list[ManifestEntry]:
        if self.image is None:
            return []
        wanted = set(self.added)
        return [ManifestEntry(name, version, name in wanted) for name, version in sorted(self.image.manifest.items())]


def cut_log(name: str, text: str) -> Log:
    """The log with its middle left out where it is long."""
    if len(text) <= LOG_HEAD + LOG_TAIL:
        return Log(name, text)
    return Log(name, text[:LOG_HEAD], text[-LOG_TAIL:], len(text) - LOG_HEAD - LOG_TAIL)


def title_of(request: ImageRequest) -> str:
    """`TP-Link Archer C7 v2` where the image's own document says so, else the profile's id."""
    image: Image | None = getattr(request, "image", None)
    for profile in (image.profile_json.get("profiles", {}) if image else {}).values():
        if title := first_title(profile.get("titles") or []):
            return title
    return request.profile


def public_address(distribution: str, url: str) -> str:
    """Where anybody can get a mirror's file: our own address for what we host, "" for folders of ours."""
    row = Distribution.objects.select_related("built_on").filter(name=distribution).first()
    for owner in (row, row.built_on) if row is not None else ():
        if owner is not None and owner.is_hosted and url.startswith(owner.url.rstrip("/") + "/"):
            return f"/{owner.name}/{url[len(owner.url.rstrip('/')) + 1 :]}"
    return url if urlsplit(url).scheme in ("http", "https") else ""
