"""What the lists of the backoffice show of their filters."""

from dataclasses import dataclass
from typing import Any

from django import template

from asu_site.backoffice.when_empty import SENTENCES, TO_DO
from packages.lists.filters import FastFilter

register = template.Library()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A filter that is in force, and the address of the list without it."""

    title: str
    value: str
    without: str


@register.simple_tag
def when_empty(changelist: Any, may_add: bool) -> Any:
    """A sentence for a list that has no rows yet."""
    name = changelist.opts.label_lower
    return SENTENCES.get(name, "") or (TO_DO.get(name, "") if may_add else "")


@register.simple_tag(takes_context=True)
def chosen_filters(context: template.Context, changelist: Any) -> list[Chosen]:
    """Of those that the address names: the others are not asked for their choices."""
    asked = context["request"].GET
    found = []
    for spec in changelist.filter_specs:
        names = spec.names() if isinstance(spec, FastFilter) else spec.expected_parameters()
        if not any(name in asked for name in names):
            continue
        # The first choice is "All".
        values = [str(choice["display"]) for choice in list(spec.choices(changelist))[1:] if choice["selected"]]
        if values:
            without = changelist.get_query_string(remove=names)
            found.append(Chosen(str(spec.title), ", ".join(values), without))
    return found
