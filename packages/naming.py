"""Which distribution a name stands for: its own, or an alias, however it is written (`OpenWrt`, `LiMe`)."""

import re
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError

from packages.visibility import PUBLIC, Viewer

if TYPE_CHECKING:
    from packages.models import Distribution

_ALIAS = re.compile(r"[a-z0-9][a-z0-9 ._-]{0,31}")
_LONGEST = 32


def named(text: str, viewer: Viewer = PUBLIC) -> str:
    """The name of the distribution that the viewer is offered under `text`; "" when there is none."""
    from packages.models import Distribution  # the models call this module

    wanted = text.lower()
    if not text.isascii() or len(text) > _LONGEST:
        return ""
    offered = dict(Distribution.objects.visible_to(viewer).values_list("name", "aliases"))
    if wanted in offered:
        return wanted
    return next((name for name, aliases in offered.items() if wanted in map(str.lower, aliases)), "")


def is_base(text: str, flavour: str, viewer: Viewer = PUBLIC) -> bool:
    """Whether `text` names what a flavour that the viewer sees is built on: devices that run it report themselves so.

    The base itself need not be on offer.
    """
    from packages.models import Distribution

    row = Distribution.objects.visible_to(viewer).select_related("built_on").filter(name=flavour).first()
    if row is None or row.built_on is None or not text.isascii():
        return False
    return text.lower() in {row.built_on.name, *map(str.lower, row.built_on.aliases)}


def check(row: "Distribution") -> None:
    """ValidationError unless all names of a distribution are well formed and nobody else's. Tidies them up."""
    row.aliases = row.aliases or []  # a form left empty gives None
    if not isinstance(row.aliases, list) or not all(isinstance(alias, str) for alias in row.aliases):
        raise ValidationError({"aliases": 'Write a list of names, e.g. ["lime"].'})
    row.aliases = sorted({alias.strip().lower() for alias in row.aliases} - {row.name})
    for alias in row.aliases:
        if not _ALIAS.fullmatch(alias):
            raise ValidationError({"aliases": f"{alias!r} is no name: letters, digits, blanks, '.', '_' and '-'."})
    for other in type(row).objects.exclude(pk=row.pk):
        taken = {other.name, *other.aliases}
        if row.name in taken:
            raise ValidationError({"name": f"'{row.name}' is an alias of {other.name}. Choose another name."})
        if both := sorted(taken.intersection(row.aliases)):
            raise ValidationError({"aliases": f"'{both[0]}' stands for {other.name} already."})
