"""Who may see what: the one place that decides.

A distribution, a network profile or an image of an organisation is there for its members only. For everybody else it
does not exist: each address answers as for a name that nobody has. Whoever asks is a `Viewer`; every door that can lead
to something private takes one, and shows only what is public when it is given none.

Who a caller is, is known further up (client tokens, `images.clients`), so it is told here by a hook.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from packages import generation


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who looks."""

    organisation: int | None = None  # whose things it sees besides the public ones
    is_maintainer: bool = False  # sees everything: the command line, and operators who are signed in to the admin
    others: frozenset[int] = frozenset()  # further organisations: who maintains distributions of several

    def sees(self, organisation: int | None) -> bool:
        """Whether it sees what belongs to an organisation; None belongs to everybody."""
        return organisation is None or self.is_maintainer or organisation in self.organisations

    @property
    def organisations(self) -> frozenset[int]:
        """All whose things it sees."""
        return self.others if self.organisation is None else self.others | {self.organisation}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose something is."""

    pk: int

    @property
    def key(self) -> str:
        """How a build's identity tells it apart; the same when the organisation gets another name."""
        return f"organisation-{self.pk}"

    @classmethod
    def of(cls, organisation: int | None) -> "Owner | None":
        """From the key of a row's organisation; None: everybody's."""
        return cls(organisation) if organisation else None


PUBLIC = Viewer()
MAINTAINER = Viewer(is_maintainer=True)


def visible(viewer: Viewer, field: str = "organisation") -> Q:
    """A condition on rows that have an organisation."""
    if viewer.is_maintainer:
        return Q()
    public = Q(**{f"{field}__isnull": True})
    return public | Q(**{f"{field}__in": sorted(viewer.organisations)}) if viewer.organisations else public


# -- who is asking -----------------------------------------------------------------------------------------

Recognise = Callable[[Mapping[str, Any]], Viewer]
_recognise: Recognise = lambda environ: PUBLIC  # noqa: E731


def recognise_by(recognise: Recognise) -> None:
    """Called once, when the apps are ready."""
    global _recognise
    _recognise = recognise


def viewer_of(environ: Mapping[str, Any]) -> Viewer:
    """Who sent this request (a WSGI environment)."""
    return _recognise(environ)


# -- what is named by the name of a distribution -----------------------------------------------------------

RECHECK_SECONDS = 5.0  # how long other machines may take to notice that a distribution became private


@dataclass(frozen=True, slots=True)
class _Owners:
    by_name: Mapping[str, int]
    made: int  # the generation in which it was read
    until: float


_owners: _Owners | None = None


def owners() -> Mapping[str, int]:
    """The private distributions: name -> organisation. From memory: every poll of a client asks."""
    global _owners
    known, current, now = _owners, generation.current(), time.monotonic()
    if known is None or known.made != current or known.until < now:
        from packages.models import Distribution  # models import this module

        rows = Distribution.objects.filter(organisation__isnull=False).values_list("name", "organisation_id")
        known = _owners = _Owners({name: owner for name, owner in rows if owner}, current, now + RECHECK_SECONDS)
    return known.by_name


def hidden_names(viewer: Viewer) -> list[str]:
    """The distributions that this viewer does not see."""
    return [name for name, owner in owners().items() if not viewer.sees(owner)]


def forget() -> None:
    """Drop what is in memory. For tests, whose rows come and go."""
    global _owners
    _owners = None
