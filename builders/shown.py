"""How text from workers and lengths of time are shown to people. Pure."""

import re
import unicodedata

# What would be seen as nothing, or turn the text around it: control characters, marks of direction, lone surrogates.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PICTURES = 0x2400  # the block of Unicode that has a picture for each of the first 32 control characters
_DELETE = 0x7F
_PICTURE_OF_DELETE = "\u2421"
# What terminals take as colours and moves of the cursor (ECMA-48, control sequences).
_FOR_TERMINALS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def visible(text: object) -> str:
    """One line in which each character is seen: what workers say may hold anything."""
    line = str(text)
    return line if line.isascii() and line.isprintable() else "".join(map(_seen, line))


def visible_lines(text: str) -> str:
    """The same for logs: lines and tabs stay, colours go; a carriage return begins a line, as progress bars use it."""
    lines = _FOR_TERMINALS.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char if char in "\n\t" else _seen(char) for char in lines)


def tail(text: str, most: int) -> str:
    """The last `most` characters, from the beginning of a line on if one begins there."""
    if len(text) <= most:
        return text
    end = text[-most:]
    _, newline, lines = end.partition("\n")
    return lines if newline and lines else end


def length(seconds: float) -> str:
    """As people say it: `40 s`, `12 min`, `3 h 5 min`, `4 days`."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    if minutes < 2:
        return f"{minutes * 60 + rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _seen(char: str) -> str:
    if char.isascii() and char.isprintable():
        return char
    code = ord(char)
    if code < 32:
        return chr(_PICTURES + code)
    if code == _DELETE:
        return _PICTURE_OF_DELETE
    return f"<U+{code:04X}>" if unicodedata.category(char) in _UNSEEN else char
