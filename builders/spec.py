"""The boundary of the builders: a BuildSpec goes in, a BuildResult or a BuildFailedError comes out. Pure.

A spec says all that decides the bytes of an image, and nothing else. It travels as JSON to any worker.
"""

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from builders.states import Reason

CANONICAL_VERSION = 1


@dataclass(frozen=True, slots=True)
class KeySpec:
    """A public key to check signatures with."""

    kind: str  # usign | gpg | apk
    text: str


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """One feed as it stood when the request was made."""

    name: str  # core, kmods, base, luci ...
    kind: str  # target | kmods | arch | imagebuilder | flavour | extra (packages.models.Feed.Kind)
    format: str  # opkg | apk
    url: str  # folder of the index; "" for packages inside the ImageBuilder
    index_sha256: str  # of the verified, uncompressed index; names the copy in the cache
    # Who signs it where it is not the distribution that the ImageBuilder is from: that one is given these keys.
    keys: tuple[KeySpec, ...] = ()
    # Of one that a request named: the address that nothing of it may be beyond, and whether that may be in a private
    # network. What is fetched is known by its sums, so this decides no bytes.
    within: str = ""
    is_inside_allowed: bool = False


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A file that is put into the root file system before the image is made."""

    path: str  # below the root, without a slash in front: etc/config/lime-community
    mode: int  # 0o644 or 0o755
    content: str  # base64

    def canonical(self) -> list[Any]:
        """What it adds to the identity of a build."""
        return [self.path, self.mode, hashlib.sha256(base64.b64decode(self.content)).hexdigest()]


@dataclass(frozen=True, slots=True)
class ImageBuilderSpec:
    """Where the ImageBuilder is and how to know it is the right one."""

    url: str
    file_name: str
    sha256: str  # from the mirror's verified sha256sums


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """Everything a worker needs to build one image."""

    distribution: str
    version: str
    target: str
    profile: str
    packages: tuple[str, ...]  # words for PACKAGES, in order: `name` adds, `-name` removes
    imagebuilder: ImageBuilderSpec
    feeds: tuple[FeedSpec, ...] = ()
    keys: tuple[KeySpec, ...] = ()  # pinned by the distribution; not part of the identity
    package_manager: str = "opkg"
    arch_packages: str = ""
    version_code: str = ""  # expected revision; "" = not checked
    defaults: str = ""  # first-boot script
    rootfs_size_mb: int | None = None
    disabled_services: tuple[str, ...] = ()
    files: tuple[FileSpec, ...] = ()  # of the network profile; the first-boot script comes on top
    owner: str = ""  # the organisation whose members alone may have the image: it is not shared with others
    default_packages: tuple[str, ...] = ()  # default + device packages, for the feed step; not part of the identity
    source_date_epoch: int | None = None

    def canonical(self) -> dict[str, Any]:
        """What makes two specs the same build: typed, sorted, versioned, each field under its own name.

        The order of packages does not decide an image, so it is left out, and so is the file system that a client looks
        for: every build yields all that the device has. Feeds count by their state. Addresses do not count: the same
        bytes from another mirror are the same build. What came later than the first images, as files, stands here only
        where it is used: the others keep their hashes.
        """
        later: dict[str, Any] = {"owner": self.owner} if self.owner else {}
        if self.files:
            later["files"] = sorted(file.canonical() for file in self.files)
        return {
            **later,
            "canonical": CANONICAL_VERSION,
            "distribution": self.distribution,
            "version": self.version,
            "target": self.target,
            "profile": self.profile,
            "packages": sorted(set(self.packages)),
            "imagebuilder": self.imagebuilder.sha256,
            "feeds": sorted([feed.name, feed.kind, feed.index_sha256] for feed in self.feeds),
            "version_code": self.version_code,
            "defaults": self.defaults,
            "rootfs_size_mb": self.rootfs_size_mb,
            "disabled_services": sorted(set(self.disabled_services)),
        }

    def canonical_json(self) -> str:
        """The canonical form as text: ASCII, sorted keys, no blanks. JSON's quoting keeps the fields apart."""
        return json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    def hash(self) -> str:
        """The identity: full SHA-256 of the canonical form, 64 hex digits (never cut)."""
        return hashlib.sha256(self.canonical_json().encode("ascii")).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """For the database and for workers."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The reverse of `to_json`; KeyError or TypeError on anything else."""
        data = dict(data)
        data["imagebuilder"] = ImageBuilderSpec(**data["imagebuilder"])
        data["feeds"] = tuple(_feed(feed) for feed in data["feeds"])
        data["keys"] = tuple(KeySpec(**key) for key in data["keys"])
        data["files"] = tuple(FileSpec(**file) for file in data.get("files", ()))
        for name in ("packages", "disabled_services", "default_packages"):
            data[name] = tuple(data[name])
        return cls(**data)


def _feed(data: dict[str, Any]) -> FeedSpec:
    return FeedSpec(**{**data, "keys": tuple(KeySpec(**key) for key in data.get("keys", ()))})


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file that a build left behind. Sums and size are those of the bytes in the upload folder."""

    name: str  # as the ImageBuilder named it
    size: int
    sha256: str


@dataclass(slots=True)
class BuildResult:
    """A build that produced what was asked for.

    `profile_json` has the shape of one upstream profiles.json document with the single built profile (made by us where
    the ImageBuilder makes none); its `images[]` name files of `files`.
    """

    files: list[ResultFile]
    manifest: dict[str, str]  # package name -> version, ABI suffix stripped where known
    profile_json: dict[str, Any]
    build_cmd: list[str]  # what to type to get the same image, e.g. ["make", "image", "PROFILE=..", ...]
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    sandbox: str = ""  # level it ran under: full | namespace | process
    details: dict[str, Any] = field(default_factory=dict)


class BuildFailedError(Exception):
    """A build that cannot succeed as asked, or did not this time. A result, not a fault of the program.

    `sentence` is for people: what is wrong and what to do next. It holds no host path.
    """

    def __init__(
        self,
        reason: Reason,
        sentence: str,
        *,
        stdout: str = "",
        stderr: str = "",
        build_cmd: list[str] | None = None,
    ) -> None:
        super().__init__(f"{reason.value}: {sentence}")
        self.reason = reason
        self.sentence = sentence
        self.stdout = stdout
        self.stderr = stderr
        self.build_cmd = build_cmd or []
