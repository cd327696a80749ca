"""Settings from the environment: typed, and loud on nonsense. Works without Django, for workers."""

import os
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

try:
    from django.core.exceptions import ImproperlyConfigured
except ImportError:  # on a worker

    class ImproperlyConfigured(Exception):  # type: ignore[no-redef]  # noqa: N818 - Django's name
        """A setting has a value that nobody can work with."""


_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def is_django() -> bool:
    """Whether these are the settings of a Django site. A worker that runs by itself reads the same file."""
    return bool(os.environ.get("DJANGO_SETTINGS_MODULE"))


def env_str(name: str, default: str = "") -> str:
    """The value of NAME, or of the file named by NAME_FILE, or the default."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={path} cannot be read: {error.strerror}.") from error
    return os.environ.get(name, default)


def env_bool(name: str, default: bool = False) -> bool:
    """Yes or no; anything else stops the start."""
    value = env_str(name, "1" if default else "0").strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no. Write 1 or 0.")


def env_int(name: str, default: int, minimum: int = 0) -> int:
    """A whole number of at least `minimum`."""
    value = env_str(name, str(default)).strip()
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from error
    if number < minimum:
        raise ImproperlyConfigured(f"{name}={number} is too small; the least is {minimum}.")
    return number


def env_list(name: str, default: str = "") -> list[str]:
    """Words separated by commas."""
    return [word.strip() for word in env_str(name, default).split(",") if word.strip()]


def env_networks(name: str, default: str = "") -> list[IPv4Network | IPv6Network]:
    """Networks like 10.0.0.0/8, or single addresses, separated by commas."""
    networks = []
    for word in env_list(name, default):
        try:
            networks.append(ip_network(word))
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {word!r} is no network. Write it like 10.0.0.0/8.") from error
    return networks


def env_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of a few words."""
    value = env_str(name, default).strip()
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r} is unknown. Use one of: {', '.join(choices)}.")
    return value


def env_secret(name: str, kept_in: Path) -> str:
    """A secret from the environment, or one made at the first start and kept in a private file."""
    value = env_str(name)
    if value:
        return value
    if not kept_in.exists():
        kept_in.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = kept_in.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            # link, not rename: when two processes start at once the first one's secret stays.
            os.link(draft, kept_in)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return kept_in.read_text().strip()
