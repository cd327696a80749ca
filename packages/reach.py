"""How the rows of a model belong to a distribution or an organisation: whom the admin lets see and change them.

Each app says it of its own models, when the apps are ready. What nobody says anything of is for operators alone.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.db.models import Model, Q

from packages.visibility import Viewer, hidden_names, visible

ALL = frozenset({"add", "change", "delete"})
CHANGE = frozenset({"change"})


@dataclass(frozen=True, slots=True)
class Reach:
    """Paths as in filters. Without any, rows are everybody's to see; who may change them says their permission."""

    distribution: str = ""  # to a distribution: "release__distribution"
    name: str = ""  # to a column that has the name of one
    organisation: str = ""  # to the organisation whose members alone see it
    number: str = ""  # to a column with the key of that organisation; 0: everybody's
    theirs: Callable[[Collection[int]], Q] | None = None  # which are a maintainer's, where a path does not tell
    may: frozenset[str] = frozenset()  # what maintainers may do with theirs
    for_operators: tuple[str, ...] = ()  # fields that reach further than one distribution
    is_hidden: bool = False  # viewers and maintainers do not see the list at all

    @property
    def is_owned(self) -> bool:
        """Whether each row belongs to a distribution."""
        return bool(self.distribution or self.name or self.theirs)

    def seen_by(self, viewer: Viewer) -> Q:
        """A condition on the rows that are there for a viewer."""
        found = Q()
        if self.organisation:
            found &= visible(viewer, self.organisation)
        if self.distribution and self.distribution != "pk":
            found &= visible(viewer, f"{self.distribution}__organisation")
        if self.number and not viewer.is_maintainer:
            found &= Q(**{f"{self.number}__in": [0, *sorted(viewer.organisations)]})
        if self.name and (hidden := hidden_names(viewer)):
            found &= ~Q(**{f"{self.name}__in": hidden})
        return found

    def of(self, distributions: Collection[int], names: Collection[str]) -> Q:
        """A condition on the rows that belong to these distributions."""
        if self.theirs is not None:
            return self.theirs(distributions)
        if self.distribution:
            return Q(**{f"{self.distribution}__in": distributions})
        return Q(**{f"{self.name}__in": names}) if self.name else Q()


_known: dict[str, Reach] = {}


def tell(**reaches: Reach) -> None:
    """`packages_release=Reach(...)`: app and model."""
    _known.update({name.replace("_", ".", 1): reach for name, reach in reaches.items()})


def of(model: type[Model]) -> Reach | None:
    """What was told of a model; None: it is for operators alone."""
    return _known.get(model._meta.label_lower)


def of_app(label: str) -> dict[str, Reach]:
    """By the names of the models."""
    return {name.partition(".")[2]: reach for name, reach in _known.items() if name.startswith(f"{label}.")}
