"""Secrets that workers show. Only their SHA-256 is stored: they are long and random, so no salt is needed."""

import hashlib
import re
import secrets

WORKER = "asu-worker-"
JOIN = "asu-join-"
# Tokens of one's own are fine if nobody can guess them.
_PATTERN = re.compile(r"[A-Za-z0-9._~+/=-]{24,200}")


def new(prefix: str) -> str:
    """A fresh secret; the prefix tells people what it is for."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored of it."""
    # Anything may be shown, also text that is none: JSON can bring half a character.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_token(text: str) -> bool:
    """Whether it can be one: long enough, of letters that travel in a header."""
    return _PATTERN.fullmatch(text) is not None
