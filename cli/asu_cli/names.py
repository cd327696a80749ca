"""Which texts from a server or a user may become part of a path or an address. Full match, ASCII."""

import re

FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,239}")
HASH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{5,127}")
REQUEST_HASH = re.compile(r"[0-9a-f]{64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TARGET = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}/[a-z0-9][a-z0-9_-]{0,63}")
PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.,_+ ()/-]{0,127}")
ARCHITECTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}")


def is_folder(text: str) -> bool:
    """Whether it is a relative path of an address, without empty or dot segments."""
    return len(text) <= 240 and all(_SEGMENT.fullmatch(part) for part in text.split("/"))
