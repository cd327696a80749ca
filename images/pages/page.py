"""The page of an image as a whole: what was asked for, how it stands, what came out."""

import hashlib
from functools import cached_property
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from builders.models import Build
from builders.states import OPEN, Reason, State
from images import filesystems
from images.models import Image, ImageFile, ImageRequest
from images.pages import uses
from images.pages.logs import Log, cut_log
from images.pages.making import Making
from images.pages.manifest import ManifestEntry, entries
from images.pages.progress import Progress
from packages.models import Distribution, NetworkProfileFile, first_title
from packages.visibility import Viewer

_STATE_WORDS: dict[str, Promise] = {
    "queued": gettext_lazy("queued"),
    "building": gettext_lazy("building"),
    "ready": gettext_lazy("ready"),
    "failed": gettext_lazy("failed"),
    "parked": gettext_lazy("put aside"),
    "dropped": gettext_lazy("left the queue"),
    "expired": gettext_lazy("expired"),
    "withdrawn": gettext_lazy("withdrawn"),
    "preparing": gettext_lazy("being checked"),
    "refused": gettext_lazy("refused"),
}


class ImagePage:
    """All that the page of one request tells."""

    def __init__(self, request: ImageRequest) -> None:
        self.request = request
        self.build: Build | None = request.build
        self.image: Image | None = getattr(request, "image", None)
        self.progress = Progress(request)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """What was built; lists do without."""
        return self.build.spec if self.build else {}

    @cached_property
    def title(self) -> str:
        """The device as people call it, as far as the request's own rows know."""
        return title_of(self.request)

    @cached_property
    def full_title(self) -> str:
        """The same; before there is an image the catalogue knows."""
        if self.title != self.request.profile:
            return self.title
        profile = self.request.profile_in_catalogue()
        return profile.title if profile else self.title

    @cached_property
    def distribution(self) -> str:
        """As people write it; its name where it is gone, or private to others by now."""
        rows = Distribution.objects.visible_to(Viewer(self.request.organisation_id))
        title = rows.filter(name=self.request.distribution).values_list("title", flat=True).first()
        return title or self.request.distribution

    @property
    def release(self) -> str:
        """`OpenWrt 24.10.2`."""
        return f"{self.distribution} {self.request.version}"

    @property
    def state(self) -> str:
        """One word: queued, building, ready, failed, parked, dropped, expired, withdrawn, preparing or refused."""
        if self.image is not None and self.image.withdrawn_at:
            return "withdrawn"
        if self.build is None:
            return self.request.status
        if self.image is not None and self.image.expired_at and self.build.state not in OPEN:
            return "expired"
        return "ready" if self.build.state == State.DONE else self.build.state

    @property
    def state_words(self) -> str:
        """The same for people."""
        return str(_STATE_WORDS.get(self.state, self.state))

    @property
    def is_pending(self) -> bool:
        """Whether the page will change by itself soon."""
        return self.progress.is_pending

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

    @property
    def logs(self) -> list[Log]:
        if self.build is None:
            return []
        texts = (
            (gettext("Output of the build"), self.build.stdout),
            (gettext("Messages of the build"), self.build.stderr),
        )
        return [cut_log(name, text) for name, text in texts if text.strip()]

    @cached_property
    def making(self) -> Making:
        """How to make the same."""
        return Making(self.request)

    # -- what came out ----------------------------------------------------------------------------------------

    @cached_property
    def files(self) -> list[ImageFile]:
        """All of them; none before there is an image."""
        return list(self.image.files.all()) if self.image else []

    @cached_property
    def sorted_files(self) -> uses.Downloads:
        """The same by what they are for."""
        return uses.sorted_out(self.files)

    @property
    def is_signed(self) -> bool:
        return any(file.name.endswith(uses.SIGNATURE) for file in self.files)

    @property
    def downloads(self) -> int:
        return sum(file.downloads for file in self.files)

    @cached_property
    def lacks_filesystem(self) -> str:
        """The root file system that was asked for, if no image has it."""
        wanted = str(self.request.echo.get("filesystem") or "")
        known = [file.filesystem for file in self.files if file.type]
        return wanted if wanted and any(known) and not filesystems.has(known, wanted) else ""

    @cached_property
    def manifest(self) -> list[ManifestEntry]:
        """The packages of the image."""
        return entries(self.request, self.image.manifest, set(self.added)) if self.image else []


def title_of(request: ImageRequest) -> str:
    """`TP-Link Archer C7 v2` where the image's own document says so, else the profile's id."""
    image: Image | None = getattr(request, "image", None)
    for profile in (image.profile_json.get("profiles", {}) if image else {}).values():
        if title := first_title(profile.get("titles") or []):
            return title
    return request.profile
