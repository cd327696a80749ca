"""Whether an image holds the packages that were asked for, in the versions that the indexes have. Pure."""

from collections.abc import Callable, Iterable, Mapping, Set

from builders.spec import BuildFailedError
from builders.states import Reason
from packages.essential import VIRTUAL

# Part of every ImageBuilder, in the state that it was made in, and in some indexes besides or under other names.
OF_THE_IMAGEBUILDER = VIRTUAL | {"base-files"}
MOST_NAMED = 5


def requested(words: Iterable[str]) -> list[str]:
    """Names that were asked for: of words for PACKAGES those that add."""
    return sorted({word for word in words if not word.startswith("-")} - OF_THE_IMAGEBUILDER)


def expected(words: Iterable[str], defaults: Iterable[str]) -> list[str]:
    """The same, and what is there by default unless it is taken out."""
    removed = {word[1:] for word in (*words, *defaults) if word.startswith("-")}
    return requested(word for word in (*words, *defaults) if word not in removed)


def complaint(
    asked: Iterable[str],
    listed: Iterable[str],
    held: Mapping[str, str],
    provided: Set[str],
    versions_of: Callable[[str], set[str]],
    is_known: Callable[[str], bool],
) -> str:
    """What is wrong with an image, to go on from "the image"; "" when it is as it should be.

    `asked` has to be in it, `listed` may be replaced by something else, both only in a version that an index has.
    `held` is the manifest by all names that its packages go by, `provided` what they stand in for besides. Of what no
    index knows nothing can be said.
    """
    missing = [name for name in asked if name not in held and name not in provided and is_known(name)]
    if missing:
        return f"lacks {_some(missing)}"
    wrong = []
    for name in dict.fromkeys((*asked, *listed)):
        wanted = versions_of(name) if name in held else set()
        if wanted and held[name] not in wanted:
            wrong.append(f"{name} {held[name]} instead of {' or '.join(sorted(wanted))}")
    return f"has {_some(wrong)}" if wrong else ""


def failure(what: str) -> BuildFailedError:
    """The complaint of a worker about its own ImageBuilder."""
    return BuildFailedError(
        Reason.WRONG_PACKAGES,
        f"The image is not what was asked for: it {what}. The mirror may have changed while it was built. Ask again "
        "later; if it lasts, leave the package out.",
    )


def _some(words: list[str]) -> str:
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return ", ".join(words[:MOST_NAMED]) + more
