"""Network profiles as requests and pages use them: which are offered to whom, and what one puts into an image."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Length

from packages import file_sets, generation
from packages.exceptions import UnknownError
from packages.file_sets import File
from packages.models import Distribution, NetworkProfile, NetworkProfileFile
from packages.visibility import PUBLIC, Owner, Viewer


class UnknownNetworkProfileError(UnknownError):
    """There is no such network profile for the distribution, as far as the one who asks is concerned."""

    def __init__(self, sentence: str, name: str, near: tuple[str, ...]) -> None:
        super().__init__(sentence, name)
        self.near = near


@dataclass(frozen=True, slots=True)
class PathInfo:
    """What lists tell of a file; never what stands in it."""

    path: str
    mode: int
    size: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A network profile as lists show it."""

    name: str
    title: str
    description: str
    is_general: bool  # for every distribution
    distributions: tuple[str, ...]  # else for these
    packages: tuple[str, ...]  # `name` adds, `-name` removes
    paths: tuple[PathInfo, ...] | None  # None: they are not shown
    is_private: bool

    def to_json(self) -> dict[str, object]:
        """For programs."""
        files = None
        if self.paths is not None:
            files = [{"path": file.path, "mode": f"{file.mode:o}", "size": file.size} for file in self.paths]
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "is_general": self.is_general,
            "distributions": list(self.distributions),
            "packages": list(self.packages),
            "files": files,
        }


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a network profile does to an image."""

    name: str
    words: tuple[str, ...]  # `name` adds, `-name` removes
    files: tuple[File, ...]
    owner: Owner | None  # whose it is; None: everybody's


def offered(distribution: str = "", viewer: Viewer = PUBLIC) -> list[Offer]:
    """Those that the viewer may choose, by name; for one distribution, or all."""
    rows = NetworkProfile.objects.visible_to(viewer)
    if distribution:
        if not Distribution.objects.visible_to(viewer).filter(name=distribution).exists():
            return []
        rows = rows.meant_for(distribution)
    found = list(rows.order_by("name"))
    names = _names_of_distributions([row.pk for row in found], viewer)
    paths = _paths([row.pk for row in found if row.is_public])
    return [
        Offer(
            name=row.name,
            title=row.title,
            description=row.description,
            is_general=row.is_general,
            distributions=tuple(names.get(row.pk, ())),
            packages=row.package_words,
            paths=tuple(paths.get(row.pk, ())) if row.is_public else None,
            is_private=row.organisation_id is not None,
        )
        for row in found
    ]


def _names_of_distributions(profiles: list[int], viewer: Viewer) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = Distribution.objects.visible_to(viewer).filter(network_profiles__in=profiles).order_by("name")
    for profile, name in rows.values_list("network_profiles", "name"):
        found.setdefault(profile, []).append(name)
    return found


def _paths(profiles: list[int]) -> dict[int, list[PathInfo]]:
    found: dict[int, list[PathInfo]] = {}
    rows = NetworkProfileFile.objects.filter(profile__in=profiles).annotate(size=Length("content")).order_by("path")
    for profile, path, mode, size in rows.values_list("profile_id", "path", "mode", "size"):
        found.setdefault(profile, []).append(PathInfo(path, mode, size))
    return found


def choose(name: str, distribution: str, viewer: Viewer = PUBLIC) -> Chosen:
    """The network profile that a request names. UnknownNetworkProfileError, with names that are like it."""
    rows = NetworkProfile.objects.visible_to(viewer).meant_for(distribution)
    row = rows.filter(name=name).first()
    if row is None:
        near = tuple(get_close_matches(name, rows.values_list("name", flat=True), n=3))
        raise UnknownNetworkProfileError(f"Unknown network profile: {name}", name, near)
    return Chosen(row.name, row.package_words, files_of(row), Owner.of(row.organisation_id))


def files_of(profile: NetworkProfile) -> tuple[File, ...]:
    """Its files, by path. Also for what always goes into the images of a distribution, chosen or not."""
    rows = profile.files.order_by("path").values_list("path", "mode", "content")
    return tuple(File(path, mode, bytes(content)) for path, mode, content in rows)


# -- kept by maintainers -----------------------------------------------------------------------------------


def limits() -> dict[str, int]:
    """How much may be in one, as `packages.file_sets` wants to know it."""
    return {
        "max_bytes": settings.ASU_NETWORK_PROFILE_KB * 1024,
        "max_files": settings.ASU_NETWORK_PROFILE_FILES,
    }


def put(profile: NetworkProfile, files: Iterable[File], distributions: Iterable[Distribution] | None = None) -> None:
    """Saves it with exactly these files. FileSetError or ValidationError with nothing written."""
    new = tuple(files)
    file_sets.check_set(new, **limits())
    profile.full_clean()
    with transaction.atomic():
        profile.save()
        if distributions is not None:
            profile.distributions.set(distributions)
        profile.files.all().delete()
        NetworkProfileFile.objects.bulk_create(
            NetworkProfileFile(profile=profile, path=file.path, mode=file.mode, content=file.content) for file in new
        )
        transaction.on_commit(generation.bump)


def read(place: Path) -> list[File]:
    """The files of a folder or of a tar archive. FileSetError; OSError when it cannot be read."""
    return file_sets.read(place, **limits())
