"""Addresses of mirrors and paths on them: what we accept before anything is opened."""

from urllib.parse import unquote, urlsplit


def check_url(url: str) -> str:
    """The address of a mirror without trailing slashes; ValueError with a sentence if it is none."""
    try:
        parts = urlsplit(url)
        port_ok = parts.port != 0
    except ValueError:
        raise ValueError(f"{url!r} is not an address.") from None
    if parts.scheme not in ("http", "https", "file"):
        raise ValueError(f"{url!r}: a mirror's address begins with http://, https:// or file://.")
    if parts.scheme == "file" and (parts.netloc not in ("", "localhost") or not parts.path.startswith("/")):
        raise ValueError(f"{url!r}: a folder is written as file:///path/to/mirror.")
    if parts.scheme != "file" and (not parts.hostname or not port_ok):
        raise ValueError(f"{url!r} names no host.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"{url!r}: a mirror's address has no user, password, query or fragment.")
    if any(ord(char) <= 32 or ord(char) == 127 for char in url) or "\\" in url:
        raise ValueError(f"{url!r}: blanks, backslashes and control characters have no place in an address.")
    if any(segment in (".", "..") for segment in unquote(parts.path).split("/")):
        raise ValueError(f"{url!r}: '.' and '..' have no place in a mirror's address.")
    return url.rstrip("/")


def check_path(path: str) -> str:
    """A path below a mirror's root; ValueError when it could leave it. Names come from documents of others."""
    clean = path.lstrip("/")
    bad = any(ord(char) < 32 or ord(char) == 127 for char in clean) or "\\" in clean
    if bad or any(segment in (".", "..") for segment in clean.split("/")):
        raise ValueError(f"{path!r} is no path on a mirror.")
    return clean
