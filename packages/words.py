"""Words for PACKAGES: `name` adds a package, `-name` leaves one out. Pure."""

from collections.abc import Container, Iterable


def latest(words: Iterable[str]) -> tuple[dict[str, None], frozenset[str]]:
    """What is added, in order, and what is left out; of two words about one package the later counts."""
    last: dict[str, bool] = {}
    for word in words:
        name = word.removeprefix("-")
        last.pop(name, None)
        last[name] = not word.startswith("-")
    return (
        {name: None for name, is_added in last.items() if is_added},
        frozenset(name for name, is_added in last.items() if not is_added),
    )


def on_top(listed: Iterable[str], words: Iterable[str]) -> list[str]:
    """A list of default packages with a flavour's words on top."""
    added, removed = latest(words)
    kept = [word for word in listed if word not in removed and word.removeprefix("-") not in added]
    return [*kept, *added]


def in_image(listed: Iterable[str], of_flavour: Iterable[str], essential: Container[str] = ()) -> list[str]:
    """What an image holds when nothing is asked for.

    `listed`: what the ImageBuilder has for the target, then for the device, where `-name` wins over `name`; a flavour
    has the last word, but for what is essential.
    """
    names = dict.fromkeys(listed)
    added, removed = latest(of_flavour)
    kept = (name for name in names if name[:1] != "-" and f"-{name}" not in names)
    return list(dict.fromkeys((*(name for name in kept if name not in removed or name in essential), *added)))


def of_device(listed: Iterable[str], of_flavour: Iterable[str], of_device: Iterable[str]) -> list[str]:
    """A device's own packages where a flavour has words for all its images, and others for this device."""
    everywhere, nowhere = latest(of_flavour)
    added, removed = latest(of_device)
    mute = (
        nowhere
        | {f"-{name}" for name in everywhere}
        | {word for name in (*added, *removed) for word in (name, f"-{name}")}
    )
    return [*(word for word in listed if word not in mute), *added, *(f"-{name}" for name in sorted(removed))]
