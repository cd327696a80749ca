"""Finds devices by what people type: words in any order, beginnings, other spellings, small mistakes.

A word counts most where it is a whole word of a title, less where it begins one, in the id or a board, in the midst of
a name, and least as part of the target. A name that is just what was typed comes first of all; what is equal is sorted
as the shelves are: newest release first, then more releases.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge, nsmallest

from packages.device_index import Section
from packages.device_shelves import Device
from packages.device_words import EDGE, squeezed, words_of

MAX_TEXT = 100  # characters of a search
MAX_WORDS = 6
_WHOLE_NAME, _START_OF_NAME = 60, 3
_Scored = tuple[int, int, int]  # best first: minus the score, place of the section, place on its shelf


@dataclass(slots=True, eq=False)
class Hit:
    """A device that was found; `also`: other distributions that have the same one."""

    device: Device
    section: Section
    also: list[Section] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """Some hits of `total`. `instead`: what was looked for, as nothing is called what was typed; else ""."""

    hits: list[Hit]
    total: int
    instead: str = ""


def search(text: str, sections: Sequence[Section], start: int = 0, most: int = 25) -> Found:
    """The hits from `start` on; without a word to look for all devices by their titles."""
    text = text[:MAX_TEXT]
    words = _words(text, sections)
    if not words:
        return _all(sections, start, most)
    scored = _scored([[word] for word in words], squeezed(text), sections)
    instead = ""
    if not scored:
        choices = [_choices(word, sections) for word in words]
        scored = _scored(choices, "", sections)
        instead = " ".join(found[0] for found in choices if found) if scored else ""
    return _folded(scored, sections, start, most, instead)


def _words(text: str, sections: Sequence[Section]) -> list[str]:
    """As they were typed, without what is between letters; in parts where no name has them in one piece."""
    found: list[str] = []
    for typed in text.split():
        whole = squeezed(typed)
        parts = words_of(typed)
        found += [whole] if len(parts) == 1 or _is_anywhere(whole, sections) else parts
    return list(dict.fromkeys(word for word in found if word))[:MAX_WORDS]


def _is_anywhere(word: str, sections: Sequence[Section]) -> bool:
    return any(word in device.all_fields for section in sections for device in section.shelf.devices)


def _choices(word: str, sections: Sequence[Section]) -> list[str]:
    """The word where a name has it, else names that it may be a slip of."""
    if _is_anywhere(word, sections):
        return [word]
    near = {other for section in sections for other in section.shelf.vocabulary.near(word)}
    return sorted(near, key=lambda other: (other[0] != word[0], abs(len(other) - len(word)), other))


def _scored(choices: list[list[str]], typed: str, sections: Sequence[Section]) -> list[_Scored]:
    """The devices that have one of each word's choices."""
    if not all(choices):
        return []
    # The longest first: the rest is looked for in what is left.
    in_order = sorted(choices, key=lambda words: -len(words[0]))
    found: list[_Scored] = []
    for place, section in enumerate(sections):
        left: list[tuple[int, Device]] = list(enumerate(section.shelf.devices))
        for words in in_order:
            left = _having(words, left)
        for number, device in left:
            score = sum(max(_worth(device, word) for word in words) for words in choices)
            found.append((-score - _bonus(device, typed), place, number))
    return found


def _having(words: list[str], entries: list[tuple[int, Device]]) -> list[tuple[int, Device]]:
    """Those with one of the words."""
    if len(words) == 1:  # as nearly always: much quicker
        [only] = words
        return [entry for entry in entries if only in entry[1].all_fields]
    return [entry for entry in entries if any(word in entry[1].all_fields for word in words)]


def _worth(device: Device, word: str) -> int:
    start = EDGE + word
    whole = start + EDGE
    if whole in device.title_field:
        return 10
    if whole in device.name_field:
        return 9
    if start in device.title_field or start in device.name_field:
        return 6
    if word in device.title_field or word in device.name_field:
        return 3
    return 2 if start in device.target_field else 0


def _bonus(device: Device, typed: str) -> int:
    """For who typed a whole name, or its beginning."""
    if not typed:
        return 0
    if device.title_field.startswith(EDGE + typed + EDGE) or device.name_field.startswith(EDGE + typed + EDGE):
        return _WHOLE_NAME
    is_start = device.title_field.startswith(EDGE + typed) or device.name_field.startswith(EDGE + typed)
    return _START_OF_NAME if is_start else 0


# -- one hit a device, whichever distributions have it -------------------------------------------------------


def _folded(scored: list[_Scored], sections: Sequence[Section], start: int, most: int, instead: str) -> Found:
    heads: dict[tuple[str, str], _Scored] = {}
    for entry in scored:
        device = sections[entry[1]].shelf.devices[entry[2]]
        key = device.target, device.profile
        if key not in heads or entry < heads[key]:
            heads[key] = entry
    best = nsmallest(start + most, heads.values())[start:]
    hits = [_hit(sections[place].shelf.devices[number], sections[place], sections) for _, place, number in best]
    return Found(hits, len(heads), instead)


def _all(sections: Sequence[Section], start: int, most: int) -> Found:
    def entries(place: int) -> Iterator[tuple[Device, Section]]:
        return ((device, sections[place]) for device in sections[place].shelf.alphabetical)

    by_title: Callable[[tuple[Device, Section]], object] = lambda entry: entry[0].sort_key  # noqa: E731
    seen: set[tuple[str, str]] = set()
    hits: list[Hit] = []
    total = len(set().union(*(section.shelf.by_key for section in sections)))
    for device, section in merge(*map(entries, range(len(sections))), key=by_title):  # type: ignore[arg-type]
        if (device.target, device.profile) in seen:
            continue
        seen.add((device.target, device.profile))
        if len(seen) > start:
            hits.append(_hit(device, section, sections))
        if len(hits) == most:
            break
    return Found(hits, total)


def _hit(device: Device, section: Section, sections: Sequence[Section]) -> Hit:
    key = device.target, device.profile
    return Hit(device, section, [other for other in sections if other is not section and key in other.shelf.by_key])
