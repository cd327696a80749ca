"""What commands are told: names of rows, and files with public keys. CommandError for what is not there."""

from pathlib import Path

from django.core.management.base import CommandError

from packages.models import Distribution, Organisation

MAX_KEY = 512 * 1024  # characters


def distribution(name: str) -> Distribution:
    """The distribution of this name."""
    row = Distribution.objects.filter(name=name).first()
    if row is None:
        raise CommandError(f"There is no distribution {name!r}.")
    return row


def organisation(name: str) -> Organisation | None:
    """The organisation of this name; None for ""."""
    row = Organisation.objects.filter(name=name).first() if name else None
    if row is None and name:
        raise CommandError(f"There is no organisation {name!r}. Add it in the admin.")
    return row


def key(file_name: str) -> str:
    """The text of a file that should hold a public key; what it is, is for others to say."""
    try:
        with Path(file_name).open(encoding="utf-8") as file:
            text = file.read(MAX_KEY + 1)
    except OSError as error:
        raise CommandError(f"{file_name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        sentence = f"{file_name} is no public key: it is not text. OpenPGP keys must be ASCII-armoured."
        raise CommandError(sentence) from error
    if len(text) > MAX_KEY:
        raise CommandError(f"{file_name} is too large for a public key.")
    return text
