"""What the demo's files hold: small scripts and texts that are real, and blobs that only stand for programs."""

import hashlib
from array import array
from functools import cache

NOTICE = "Part of the demo distribution. Never flash it to a device."


@cache
def noise(seed: str, size: int) -> bytes:
    """Bytes that no compressor makes smaller; the same for the same seed."""
    return hashlib.shake_256(seed.encode()).digest(size)


@cache
def _words() -> tuple[bytes, ...]:
    digits = noise("words", 4096 * 9)
    return tuple(digits[at : at + 3 + digits[at] % 7] for at in range(0, len(digits), 9))


@cache
def blob(seed: str, size: int) -> bytes:
    """Stands for a program: packs to about a third, as programs do, and says at its head that it is none."""
    head = f"{NOTICE}\nThis stands for: {seed}\n".encode()
    words = _words()
    picks = array("H", noise(f"blob {seed}", size // 2))
    return (head + b"".join(words[pick % 4096] for pick in picks))[:size]


def script(what: str) -> bytes:
    """A program that says what it would do."""
    return f"#!/bin/sh\n# {NOTICE}\necho '{what} (demo)'\n".encode()


def service(name: str, start: int, stop: int | None = None) -> bytes:
    """A start script as the init system knows them."""
    lines = ["#!/bin/sh /etc/rc.common", f"# {NOTICE}", f"START={start:02}"]
    lines += [f"STOP={stop:02}"] if stop is not None else []
    lines += ["USE_PROCD=1", "", "start_service() {", f"\tlogger -t {name} 'started (demo)'", "}", ""]
    return "\n".join(lines).encode()


def config(kind: str, name: str, **options: str) -> bytes:
    """A section of a configuration file."""
    return "".join(
        [f"config {kind} '{name}'\n", *(f"\toption {key} '{value}'\n" for key, value in options.items())]
    ).encode()


def page(title: str, text: str) -> bytes:
    """A web page that says it is a demo."""
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<h1>{title}</h1>\n<p>{text}</p>\n<p><strong>{NOTICE}</strong></p>\n</html>\n"
    ).encode()
