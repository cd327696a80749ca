"""How an image was made, so that anybody can make it again: ImageBuilder, feeds, command."""

import shlex
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from builders.models import Build
from images.models import ImageRequest
from packages.models import Distribution


class Making:
    """Of one build."""

    def __init__(self, request: ImageRequest) -> None:
        self.distribution = request.distribution
        self.build: Build | None = request.build
        self.spec: dict[str, Any] = self.build.spec if self.build else {}

    @cached_property
    def imagebuilder(self) -> dict[str, str]:
        """File name, SHA-256 and, if the public can reach it, the address."""
        found = self.spec.get("imagebuilder", {})
        return {
            "file_name": found.get("file_name", ""),
            "sha256": found.get("sha256", ""),
            "url": public_address(self.distribution, found.get("url", "")),
        }

    @cached_property
    def flavour_feeds(self) -> list[dict[str, str]]:
        """What the ImageBuilder of the base knows nothing of, with addresses where the public can reach them."""
        return [
            {"name": feed["name"], "url": public_address(self.distribution, feed["url"])}
            for feed in self.spec.get("feeds", ())
            if feed["kind"] == "flavour"
        ]

    @property
    def command(self) -> str:
        """The build command as one would type it."""
        return shlex.join(self.build.build_cmd) if self.build and self.build.build_cmd else ""


def public_address(distribution: str, url: str) -> str:
    """Where anybody can get a mirror's file: our own address for what we host, "" for folders of ours."""
    row = Distribution.objects.select_related("built_on").filter(name=distribution).first()
    for owner in (row, row.built_on) if row is not None else ():
        if owner is not None and owner.is_hosted and url.startswith(owner.url.rstrip("/") + "/"):
            return f"/{owner.name}/{url[len(owner.url.rstrip('/')) + 1 :]}"
    return url if urlsplit(url).scheme in ("http", "https") else ""
