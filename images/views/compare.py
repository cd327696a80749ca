"""Two images, or an image and a release, side by side: what would change from the one to the other."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from images import sides
from images.comparison import difference
from images.sides import NoSideError, Side
from images.viewers import viewer_of_page

_LONGEST = 500


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """The form, and what differs. Odd input gives the form with a sentence."""
    a, b = (_plain(request.GET.get(name, "")) for name in "ab")
    context: dict[str, object] = {"a": a, "b": b}
    if a and b:
        try:
            old, new = sides.both(sides.named(a), sides.named(b), viewer_of_page(request))
        except NoSideError as error:
            context["problem"] = str(error)
        else:
            context |= {
                "old": old,
                "new": new,
                "difference": difference(old.packages, new.packages, new.manager),
                "facts": _facts(old, new),
                "size_change": new.size - old.size,
            }
    elif a or b:
        context["is_half"] = True
    return render(request, "images/compare.html", context)


def _plain(text: str) -> str:
    """Characters that any database takes."""
    return text[:_LONGEST].replace("\0", "").encode("utf-8", "ignore").decode().strip()


def _facts(old: Side, new: Side) -> list[tuple[str, str, str]]:
    """What differs besides packages. What only an image has (a request) counts as nothing for a release."""
    listed = dict.fromkeys((*old.facts, *new.facts))
    rows = [(name, old.facts.get(name, ""), new.facts.get(name, "")) for name in listed]
    return [row for row in rows if row[1] != row[2]]
