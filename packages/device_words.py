"""The words that devices are found by: names in one spelling, and words that are nearly the same. Pure.

`TP-Link Archer C7 v2` becomes the words `tp link archer c7 v2`. People write `tplink archer-c7v2`: so a device keeps
what begins at each of its words, without blanks (`tplinkarcherc7v2`, `linkarcherc7v2`, `archerc7v2` ...), and a word of
a search is looked for in that.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

EDGE = "|"  # between what a field holds; in no word
_WORD = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"(\d+)")
_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d"})
# Shorter words are near too many others.
SHORTEST_TO_CORRECT = 4
_LONG = 7  # from here on two mistakes may be forgiven


def words_of(text: str) -> list[str]:
    """Letters and digits only, in lower case, without accents."""
    return _WORD.findall(_plain(text))


def squeezed(text: str) -> str:
    """The same without anything between the words."""
    return "".join(words_of(text))


def field(texts: Iterable[str]) -> str:
    """What a search looks into: of each text its words, and what begins at each of them."""
    found: dict[str, None] = {}
    for text in texts:
        words = words_of(text)
        for place in range(len(words)):
            found.setdefault("".join(words[place:]))
        found.update(dict.fromkeys(words))
    return f"{EDGE}{EDGE.join(found)}{EDGE}" if found else ""


def natural(text: str) -> tuple[str | int, ...]:
    """Sorts `v2` before `v10`. Texts and numbers take turns, so any two can be compared."""
    return tuple(int(part) if number % 2 else part for number, part in enumerate(_DIGITS.split(_plain(text)[:200])))


class Vocabulary:
    """The words of many devices, to find those that somebody may have meant."""

    def __init__(self, words: Iterable[str]) -> None:
        # Each word under itself and under all that is left of it without one character.
        self._near: dict[str, list[str]] = {}
        for word in set(words):
            if SHORTEST_TO_CORRECT <= len(word) <= 32:
                for key in {word, *_shortened(word)}:
                    self._near.setdefault(key, []).append(word)

    def near(self, word: str) -> list[str]:
        """Those that one mistake turns into the word, of long ones some that two do."""
        if not SHORTEST_TO_CORRECT <= len(word) <= 32:
            return []
        found = {candidate for key in (word, *_shortened(word)) for candidate in self._near.get(key, ())}
        found.discard(word)
        close = sorted(candidate for candidate in found if _is_one_mistake(word, candidate))
        return close or (sorted(found) if len(word) >= _LONG else [])


def _shortened(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


def _is_one_mistake(one: str, other: str) -> bool:
    """A character too many, too few or wrong, or two that changed places."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    left, right = one[start:], other[start:]
    if len(left) == len(right):
        is_swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
        return left[1:] == right[1:] or is_swapped
    return left[1:] == right if len(left) > len(right) else left == right[1:]


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    return "".join(char for char in parts if not unicodedata.combining(char))
