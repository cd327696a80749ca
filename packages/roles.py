"""Who may do what in the admin, and who sees what is private there: the one place that decides.

- A *viewer* sees everything that is public, and changes nothing.
- A *maintainer* looks after one distribution or several: changes their rows, builds and images, and sees what is
  private to their organisations. What else is public it sees.
- An *operator* (Django's superuser) may do everything.

What a role may do with a model is a permission of its group; with which rows, `packages.reach` tells.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model, Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from packages import reach
from packages.visibility import MAINTAINER, Viewer

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

M = TypeVar("M", bound=Model)


class Role(TextChoices):
    VIEWER = "viewer", _("viewer: sees what is not secret, changes nothing")
    MAINTAINER = "maintainer", _("maintainer: looks after distributions")
    OPERATOR = "operator", _("operator: may do everything")


GROUPS = {Role.VIEWER: "Viewers", Role.MAINTAINER: "Maintainers"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is here."""

    is_operator: bool = False
    distributions: frozenset[int] = frozenset()  # that it looks after
    names: frozenset[str] = frozenset()  # the same by name
    organisations: frozenset[int] = frozenset()  # whose private things it sees

    @property
    def viewer(self) -> Viewer:
        """How it looks at pages."""
        return MAINTAINER if self.is_operator else Viewer(others=self.organisations)


def standing_of(user: "User | AnonymousUser") -> Standing:
    """Looked up once a request."""
    kept: Standing | None = getattr(user, "_standing", None)
    if kept is None:
        kept = user._standing = _look_up(user)  # type: ignore[union-attr]
    return kept


def _look_up(user: Any) -> Standing:
    if not (user.is_active and user.is_staff):
        return Standing()
    if user.is_superuser:
        return Standing(is_operator=True)
    rows = list(user.maintainerships.values_list("distribution", "distribution__name", "distribution__organisation"))
    return Standing(
        distributions=frozenset(row[0] for row in rows),
        names=frozenset(row[1] for row in rows),
        organisations=frozenset(row[2] for row in rows if row[2]),
    )


def role_of(user: "User") -> Role | None:
    """For lists of people; None: not one of ours, but an account with permissions of its own."""
    if user.is_superuser:
        return Role.OPERATOR
    groups = {group.name for group in user.groups.all()}
    return next((role for role in (Role.MAINTAINER, Role.VIEWER) if GROUPS[role] in groups), None)


# -- rows --------------------------------------------------------------------------------------------------


def seen(user: Any, model: type[Model]) -> Q:
    """A condition on the rows that are there for this person."""
    standing, known = standing_of(user), reach.of(model)
    if standing.is_operator:
        return Q()
    return known.seen_by(standing.viewer) if known and not known.is_hidden else Q(pk__in=[])


def theirs(user: Any, model: type[Model]) -> Q:
    """A condition on the rows that this person may change, if it may change any of the model."""
    standing, known = standing_of(user), reach.of(model)
    if standing.is_operator:
        return Q()
    if known is None or known.is_hidden:
        return Q(pk__in=[])
    return known.seen_by(standing.viewer) & known.of(standing.distributions, standing.names)


def only_seen(user: Any, rows: QuerySet[M]) -> QuerySet[M]:
    """Of these, what is there for this person."""
    return rows.filter(seen(user, rows.model))


def sees(user: Any, row: Model) -> bool:
    """Whether a row is there for this person."""
    return _is_among(row, seen(user, type(row)), "seen", user)


def may_change(user: Any, row: Model) -> bool:
    """Whether a row is this person's to change, as far as the row is concerned."""
    return _is_among(row, theirs(user, type(row)), "theirs", user)


def _is_among(row: Model, condition: Q, question: str, user: Any) -> bool:
    if not condition or row.pk is None:
        return True
    # The admin asks many times about the row of a page.
    answers: dict[Any, bool] = row.__dict__.setdefault("_reach", {})
    if (question, user.pk) not in answers:
        rows = type(row)._default_manager.filter(condition, pk=row.pk)
        answers[question, user.pk] = rows.exists()
    return answers[question, user.pk]


# -- groups ------------------------------------------------------------------------------------------------


def keep_groups(using: str, label: str) -> None:
    """The permissions of the groups for the models of an app, in step with what was told of them."""
    from django.contrib.auth.models import Group, Permission

    known = {name: each for name, each in reach.of_app(label).items() if not each.is_hidden}
    wanted = {
        Role.VIEWER: {f"view_{name}" for name in known},
        Role.MAINTAINER: {f"{act}_{name}" for name, each in known.items() for act in {"view", *each.may}},
    }
    for role, codenames in wanted.items():
        group, _ = Group.objects.using(using).get_or_create(name=GROUPS[role])
        permissions = Permission.objects.using(using).filter(content_type__app_label=label)
        now = dict(group.permissions.filter(content_type__app_label=label).values_list("codename", "pk"))
        group.permissions.remove(*(pk for codename, pk in now.items() if codename not in codenames))
        group.permissions.add(*permissions.filter(codename__in=codenames - now.keys()))
