"""What the page says of a selection: what comes into the image, what is wrong with it, and how big it will be.

The verdict on packages is that of a request (`images.normalise`), asked with the same words; what only the package
manager would find out later (`packages.dependencies`) is told besides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.utils.functional import cached_property

from builders.closure import roots
from images import filesystems, normalise, size_estimates, validation
from images.clients import Client
from images.exceptions import RequestRefusedError
from images.normalise import Defaults
from images.places import Place
from images.selection import Selection
from images.size_estimates import Estimate
from packages import package_search, package_tables, suggestions
from packages.dependencies import Conflict, Missing, PackageInfo, Resolution, resolve
from packages.essential import VIRTUAL
from packages.models import NetworkProfile
from packages.package_search import Found, Result
from packages.suggestions import Suggestion
from packages.visibility import Viewer

# Shown before anything is typed, as far as there are.
OFTEN = (
    *("luci", "luci-ssl", "luci-app-attendedsysupgrade", "wireguard-tools", "sqm-scripts", "adblock", "nano"),
    *("dnsmasq-full", "demo-editor", "demo-modem", "demo-storage"),
)
MOST_RESULTS = 20


@dataclass(frozen=True, slots=True)
class Brought:
    """What a package that was added brings along."""

    packages: tuple[PackageInfo, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(package.size for package in self.packages)

    @property
    def names(self) -> list[str]:
        """For people."""
        return sorted(package.name for package in self.packages)


@dataclass(frozen=True, slots=True)
class Added:
    """A package that was chosen."""

    name: str
    info: PackageInfo | None  # None: there is none of that name
    provider: str = ""  # what it is really called, where the name is one that others provide
    brought: Brought = Brought(())
    is_default: bool = False
    suggestion: Suggestion | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether a request with it is refused."""
        return self.info is None and self.name not in VIRTUAL and not self.provider


@dataclass(frozen=True, slots=True)
class Removed:
    """A package that was taken out."""

    name: str
    info: PackageInfo | None
    is_essential: bool = False
    is_needless: bool = False  # it would not be in the image anyway
    needed_by: tuple[str, ...] = ()  # so it comes back


@dataclass(frozen=True, slots=True)
class DefaultPackage:
    """A package of every image of the device."""

    name: str
    info: PackageInfo | None
    is_essential: bool
    is_removed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A package in the list of what was found."""

    package: Found
    state: str  # "chosen" | "default" | "removed" | "brought" | ""
    is_essential: bool = False


class Choice:
    """A selection for a device, looked at from all sides. Nothing is written."""

    def __init__(self, place: Place, selection: Selection, asker: Client, defaults: str = "") -> None:
        self.place = place
        self.asker = asker
        self.selection = replace(selection, version=place.catalogue.version)
        self.script = defaults

    @property
    def viewer(self) -> Viewer:
        """Who looks."""
        return self.asker.viewer

    @cached_property
    def universe(self) -> package_tables.TargetPackages:
        """All packages of the target."""
        return package_tables.packages_of(self.place.catalogue.target_id)

    @cached_property
    def defaults(self) -> Defaults:
        """What is in every image of the device."""
        return normalise.defaults_of(self.place.catalogue, self.place.profile)

    @cached_property
    def known_names(self) -> Mapping[str, str]:
        """What a request may name."""
        return self.place.catalogue.packages

    # -- verdict ---------------------------------------------------------------------------------------------

    @cached_property
    def body(self) -> dict[str, object]:
        """The request."""
        return self.selection.body(self.place.catalogue.target, self.place.profile.name, self.script)

    @cached_property
    def _judged(self) -> tuple[tuple[str, ...], RequestRefusedError | None]:
        """The words for PACKAGES, or why a request would be refused."""
        try:
            asked = validation.shape(self.place.catalogue.distribution, self.body, asker=self.asker)
            return normalise.resolve(asked, self.place.catalogue).words, None
        except RequestRefusedError as refusal:
            return self._words_that_are_good(), refusal

    @property
    def refusal(self) -> RequestRefusedError | None:
        """Why a request for this would be refused as it stands."""
        return self._judged[1]

    def _words_that_are_good(self) -> tuple[str, ...]:
        """For as good a picture as there can be of what will be refused."""
        added = [name for name in self.selection.added if name in self.known_names]
        removed = [name for name in self.selection.removed if name not in self.defaults.essential]
        of_flavour = [name for name in self.defaults.of_flavour if name not in removed]
        dropped = [name for name in self.defaults.built_in if name not in self.defaults.members]
        return (*of_flavour, *added, *(f"-{name}" for name in (*removed, *dropped)))

    # -- packages --------------------------------------------------------------------------------------------

    @cached_property
    def resolution(self) -> Resolution:
        """The image as the package manager will put it together."""
        return self._resolved(self._judged[0])

    @cached_property
    def default_resolution(self) -> Resolution:
        """The image when nothing is chosen."""
        extra = (*self.defaults.of_flavour, *self._dropped_words())
        return self._resolved(extra)

    def _dropped_words(self) -> Iterable[str]:
        return (f"-{name}" for name in self.defaults.built_in if name not in self.defaults.members)

    def _resolved(self, words: Iterable[str]) -> Resolution:
        # As the ImageBuilder is told: the words in order of their names, then its own.
        wanted = roots(sorted(self.defaults.listed), sorted(words))
        return resolve(self.universe, wanted, self.place.catalogue.package_manager)

    @cached_property
    def added(self) -> list[Added]:
        """What was chosen, in that order, each with what it brings."""
        unknown = [name for name in self.selection.added if name not in self.known_names and name not in VIRTUAL]
        hints = {hint.name: hint for hint in suggestions.suggest(unknown, self.place.catalogue, self.known_names)}
        return [self._added(name, hints.get(name)) for name in self.selection.added]

    def _added(self, name: str, hint: Suggestion | None) -> Added:
        provider = self.resolution.provider_of.get(name, "")
        info = self.resolution.holding(provider or name)
        base = self.default_resolution.packages
        own = {info.full_name} if info else set()
        brought = self.resolution.reach(name) - own - base.keys()
        packages = tuple(self.resolution.packages[each] for each in sorted(brought))
        if info is None and name in self.known_names:
            info = next(iter(self.universe.named(name)), None)
        return Added(name, info, provider, Brought(packages), name in self.defaults.members, hint)

    @cached_property
    def removed(self) -> list[Removed]:
        """What was taken out."""
        return [self._removed(name) for name in self.selection.removed]

    def _removed(self, name: str) -> Removed:
        there = self.resolution.packages
        back = self.resolution.holding(name)
        needed_by = [there[each].name for each in self.resolution.needed_by.get(back.full_name, ())] if back else []
        return Removed(
            name,
            back or next(iter(self.universe.named(name)), None),
            is_essential=name in self.defaults.essential,
            is_needless=name not in self.defaults.members and self.default_resolution.holding(name) is None,
            needed_by=tuple(sorted(needed_by)),
        )

    @cached_property
    def default_packages(self) -> list[DefaultPackage]:
        """By name."""
        removed = set(self.selection.removed)
        return [
            DefaultPackage(
                name,
                next(iter(self.universe.named(name)), None),
                name in self.defaults.essential,
                name in removed,
            )
            for name in sorted(self.defaults.ordered)
        ]

    @cached_property
    def conflicts(self) -> list[Conflict]:
        """Those that this selection makes."""
        known = {frozenset((one.one, one.other)) for one in self.default_resolution.conflicts}
        return [one for one in self.resolution.conflicts if frozenset((one.one, one.other)) not in known]

    @cached_property
    def missing(self) -> list[Missing]:
        """Needs that nobody meets, of what was chosen."""
        known = set(self.default_resolution.missing)
        return [one for one in self.resolution.missing if one not in known]

    @property
    def is_fine(self) -> bool:
        """Whether nothing is known to stand against it."""
        return not (self.refusal or self.conflicts or self.missing or self.estimate.is_too_big)

    @cached_property
    def brought_size(self) -> int:
        """Bytes of the packages that this selection brings, all of them."""
        base = self.default_resolution.packages
        return sum(one.size for name, one in self.resolution.packages.items() if name not in base)

    @cached_property
    def brought_count(self) -> int:
        """How many those are."""
        return len(self.resolution.packages.keys() - self.default_resolution.packages.keys())

    @cached_property
    def estimate(self) -> Estimate:
        """How big the image will be."""
        return size_estimates.estimate(
            self.place,
            self.selection.filesystem,
            self.universe,
            self.default_resolution,
            self.resolution,
            self.viewer,
        )

    # -- what else there is to choose -----------------------------------------------------------------------

    @property
    def filesystems(self) -> list[str]:
        """Those that the device has images of; none where nobody knows."""
        return filesystems.of_images(self.place.profile.images)

    @property
    def can_resize(self) -> bool:
        """Whether the ImageBuilder can change the root partition; of images without one it makes no difference."""
        kinds = {str(image.get("type", "")) for image in self.place.profile.images}
        has_partitions = not kinds or any(kind.startswith(("combined", "sdcard")) for kind in kinds)
        return normalise.can_resize(self.place.catalogue) and has_partitions

    @cached_property
    def network_profiles(self) -> list[tuple[str, str]]:
        """Name and title of those that the viewer may choose here."""
        rows = NetworkProfile.objects.visible_to(self.viewer).meant_for(self.place.catalogue.distribution)
        return [(name, title or name) for name, title in rows.order_by("name").values_list("name", "title")]

    # -- the list --------------------------------------------------------------------------------------------

    def results(self, text: str) -> Result:
        """What is found for some words; for none what is often wanted."""
        if package_search.words_of(text):
            return package_search.search(self.universe, text, MOST_RESULTS)
        names = [name for name in OFTEN if name in self.known_names]
        found = package_search.by_name(self.universe, names[:8])
        return Result(found, len(found))

    def rows(self, result: Result) -> list[Row]:
        """The same, each with what the selection says of it."""
        return [Row(found, self._state_of(found), found.name in self.defaults.essential) for found in result.packages]

    def _state_of(self, found: Found) -> str:
        names = {found.name, found.full_name}
        if names & set(self.selection.added):
            return "chosen"
        if names & set(self.selection.removed):
            return "removed"
        if names & self.defaults.members:
            return "default"
        return "brought" if self.resolution.holding(found.full_name) else ""

    def is_default(self, name: str) -> bool:
        """Whether it is in the image without being asked for by name."""
        return name in self.defaults.members
