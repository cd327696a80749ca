"""What to do about a request that failed or was refused: other selections and releases, another try, whom to ask."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext

from builders.outcome.evidence import deciding_lines
from builders.shown import visible_lines
from builders.states import Reason, State
from images import addresses, known_packages, other_releases
from images.models import ImageRequest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_EITHER_OR = frozenset({Reason.PACKAGE_CONFLICT, Reason.FILE_CLASH})
_TOO_MUCH = frozenset(
    {Reason.IMAGE_TOO_BIG, Reason.ROOTFS_TOO_BIG, Reason.NO_IMAGE, Reason.LIMIT, Reason.TIMEOUT, Reason.DISK_FULL}
)
_BIGGEST = 3
_NAMED = 4
_RELEASES = 2


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something to try: a link to the page where packages are chosen, with another selection there."""

    words: str
    url: str
    why: str = ""


class Remedies:
    """For one request."""

    def __init__(self, request: ImageRequest) -> None:
        self.request = request
        self.build = request.build

    @cached_property
    def lines(self) -> list[str]:
        """Those of the log that decided."""
        if self.build is None or self.build.state != State.FAILED:
            return []
        found = deciding_lines(self.build.reason, self.build.stdout, self.build.stderr)
        return [visible_lines(line) for line in found]

    @cached_property
    def all(self) -> list[Remedy]:
        """The likeliest first."""
        found = [*self._without_named(), *self._without_biggest(), *self._with_more_room(), *self._other_releases()]
        return [remedy for remedy in found if remedy.url]

    @property
    def change(self) -> str:
        """The page where this very selection can be changed."""
        return self._choose(self._words)

    @property
    def contact(self) -> str:
        """Whom to ask."""
        return str(settings.ASU_CONTACT)

    # -- what it is about --------------------------------------------------------------------------------------

    @property
    def _reason(self) -> Reason | None:
        reason = self.build.reason if self.build is not None else ""
        return Reason(reason) if reason in Reason.values() else None

    @property
    def _sentence(self) -> str:
        if self.build is not None:
            return self.build.sentence
        return str((self.request.refusal or {}).get("detail", ""))

    @cached_property
    def _words(self) -> list[str]:
        """Words for PACKAGES as they were asked for."""
        if self.build is not None:
            return [str(word) for word in self.build.spec.get("packages", ())]
        echo = self.request.echo
        return [str(word) for word in (echo.get("packages") or echo.get("packages_versions") or ())]

    @property
    def _added(self) -> list[str]:
        return [word for word in self._words if not word.startswith("-")]

    @cached_property
    def _named(self) -> list[str]:
        """Packages that were asked for and that the sentence is about."""
        return mentioned(self._sentence, self._added)

    # -- remedies ----------------------------------------------------------------------------------------------

    def _without_named(self) -> list[Remedy]:
        if self._reason in _EITHER_OR:
            return self._one_or_the_other()
        if not self._named:
            return []
        names = ", ".join(self._named[:_NAMED]) + (" …" if len(self._named) > _NAMED else "")
        return [self._without(gettext("Leave out %(names)s") % {"names": names}, self._named)]

    def _one_or_the_other(self) -> list[Remedy]:
        without = [self._without(gettext("Leave out %(names)s") % {"names": name}, [name]) for name in self._named]
        defaults = self.build.spec.get("default_packages", ()) if self.build is not None else ()
        by_default = [name for name in mentioned(self._sentence, defaults) if name not in self._named]
        for name in by_default[:_NAMED]:
            words = gettext("Leave out %(names)s") % {"names": name}
            why = gettext("It is part of the image unless it is taken out.")
            without.append(Remedy(words, self._choose([*self._words, f"-{name}"]), why))
        return without[:_NAMED]

    def _without_biggest(self) -> list[Remedy]:
        if self._reason not in _TOO_MUCH:
            return []
        request, added = self.request, self._added
        known = known_packages.in_target(request.distribution, request.version, request.target, added)
        sizes = {name: row.size for row in known.values() for name in (row.full_name, row.name)}
        biggest = sorted((name for name in added if sizes.get(name)), key=lambda name: -sizes[name])
        why = gettext("%(size)s, and what it brings along.")
        return [
            self._without(gettext("Leave out %(names)s") % {"names": name}, [name], why % {"size": _size(sizes[name])})
            for name in biggest[:_BIGGEST]
        ]

    def _with_more_room(self) -> list[Remedy]:
        size = self.build.spec.get("rootfs_size_mb") if self.build is not None else None
        if self._reason != Reason.ROOTFS_TOO_BIG or not size or size * 2 > settings.ASU_MAX_ROOTFS_SIZE_MB:
            return []
        words = gettext("Ask for a root partition of %(size)d MB") % {"size": size * 2}
        return [Remedy(words, self._choose(self._words, rootfs_size_mb=size * 2))]

    def _other_releases(self) -> list[Remedy]:
        return [
            Remedy(
                gettext("Try %(release)s") % {"release": f"{self.request.distribution} {version}"},
                self._choose(self._words, version=version),
            )
            for version in other_releases.of_device(self.request)[:_RELEASES]
        ]

    def _without(self, words: str, names: Collection[str], why: str = "") -> Remedy:
        return Remedy(words, self._choose([word for word in self._words if word not in names]), why)

    def _choose(self, words: Iterable[str], **changes: object) -> str:
        request, echo = self.request, self.request.echo
        fields: dict[str, object] = {
            "version": request.version,
            **{name: echo.get(name) for name in ("filesystem", "rootfs_size_mb", "network_profile")},
            **changes,
        }
        return addresses.choose(request.distribution, request.target, request.profile, words, **fields)


def mentioned(sentence: str, names: Iterable[str]) -> list[str]:
    """Those of the names that stand in a sentence, in its order."""
    known = set(names)
    words = (word if word in known else word.rstrip(".-+") for word in _NAME.findall(sentence))
    return list(dict.fromkeys(word for word in words if word in known))


def _size(count: int) -> str:
    return str(filesizeformat(count))
