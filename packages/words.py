"""Words for PACKAGES: `name` adds a package, `-name` leaves one out. Pure."""

from collections.abc import Iterable

from packages import names

MOST = 500

# What a router does not come up without, or cannot be mended without. `kernel` and `libc` are in no index.
ALWAYS_ESSENTIAL = frozenset({"base-files", "busybox", "kernel", "libc"})
ESSENTIAL = frozenset(
    {"fstools", "fwtool", "libgcc", "libgcc1", "mtd", "netifd", "procd", "ubox", "ubus", "ubusd", "uci"}
)


def parse(text: str) -> list[str]:
    """Words with blanks between; ValueError with a sentence for what is none or is essential."""
    found = list(dict.fromkeys(text.split()))
    if len(found) > MOST:
        raise ValueError(f"These are more than {MOST} words.")
    for word in found:
        name = word.removeprefix("-")
        if not names.PACKAGE.fullmatch(name):
            raise ValueError(
                f"{word[:64]!a} is no package: write names with blanks between, -name for what is left out."
            )
        if word.startswith("-") and name in ALWAYS_ESSENTIAL | ESSENTIAL:
            raise ValueError(f"{word} cannot be left out: an image without {name} does not start.")
        if f"-{word}" in found:
            raise ValueError(f"Both {word} and -{word} are there; leave one out.")
    return found


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
