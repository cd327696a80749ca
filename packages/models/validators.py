"""What may stand in the fields of the catalogue."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError

from packages import file_sets, names
from packages.addresses import check_url
from packages.exceptions import SignatureError
from packages.public_keys import read_keys
from packages.web_addresses import WebAddress

SERIES_FIELDS = ("series", "base_version")


FEED_FIELDS = ("series", "version", "base_version", "base_channel", "base_branch", "arch", "target")


def fill(template: str, fields: Sequence[str]) -> str:
    """The template with something in the place of each field."""
    for name in fields:
        template = template.replace(f"{{{name}}}", "x")
    return template


def validate_distribution_name(value: str) -> None:
    """Lower-case letters, digits and dashes, and none of our own addresses."""
    if not names.DISTRIBUTION.fullmatch(value):
        raise ValidationError("Use up to 32 lower-case letters, digits and dashes, e.g. 'openwrt'.")
    if value in names.RESERVED:
        raise ValidationError(f"'{value}' is an address of this server. Choose another name.")


def validate_mirror_url(value: str) -> None:
    """An address that `packages.upstream.Mirror` takes."""
    try:
        check_url(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def validate_series_name(value: str) -> None:
    """It stands in versions and paths."""
    if not names.VERSION.fullmatch(value):
        raise ValidationError("Use letters, digits, dots, dashes and underscores, e.g. 2024.1 or master.")


def validate_feed_name(value: str) -> None:
    """A folder of this name is what the ImageBuilder sees."""
    if not names.FEED.fullmatch(value):
        raise ValidationError("Use letters, digits, dots, dashes and underscores, e.g. libremesh.")


def validate_profile_name(value: str) -> None:
    """As profiles.json has it."""
    if not names.PROFILE.fullmatch(value):
        raise ValidationError("Write the profile's id, e.g. tplink_archer-c7-v2.")


def validate_version_template(value: str) -> None:
    """It makes another version of each release of the base."""
    if "{base_version}" not in value or not names.VERSION.fullmatch(fill(value, SERIES_FIELDS)):
        raise ValidationError("It needs {base_version} in it, and may have {series}, e.g. {series}-on{base_version}.")


def validate_feed_path(value: str) -> None:
    """Folders below the flavour's address."""
    parts = fill(value, FEED_FIELDS).split("/")
    if not all(names.FILE.fullmatch(part) for part in parts):
        known = ", ".join(f"{{{name}}}" for name in FEED_FIELDS)
        raise ValidationError(f"This is a path such as {{series}}/{{base_channel}}/{{arch}}. It may have {known}.")


def validate_base_releases(value: str) -> None:
    """Channels and versions with blanks between."""
    wrong = [word for word in value.split() if not names.VERSION.fullmatch(word)]
    if wrong or not value.split():
        raise ValidationError(
            "Write channels or versions of the base with blanks between, e.g. 23.05 24.10.2 SNAPSHOT."
        )


def validate_organisation_name(value: str) -> None:
    """What a distribution's name looks like."""
    if not names.ORGANISATION.fullmatch(value):
        raise ValidationError("Use up to 32 lower-case letters, digits and dashes, e.g. 'meadow-net'.")


def validate_network_profile_name(value: str) -> None:
    """Words with slashes between them."""
    if not names.NETWORK_PROFILE.fullmatch(value):
        raise ValidationError(
            "Use letters, digits, '.', '_' and '-', in up to three parts with '/' between, e.g. 'libremesh/antennas'."
        )


def validate_package_words(value: str) -> None:
    """`name` adds, `-name` removes; not what no router starts without."""
    try:
        file_sets.check_words(value.split())
    except file_sets.FileSetError as error:
        raise ValidationError(str(error)) from error


def validate_file_path(value: str) -> None:
    """A path in the image."""
    try:
        file_sets.check_path(value)
    except file_sets.FileSetError as error:
        raise ValidationError(str(error)) from error


def validate_repository_address(value: str) -> None:
    """A folder on a web server, in the spelling that requests are compared with."""
    try:
        plain = str(WebAddress.parse(value))
    except ValueError as error:
        raise ValidationError(f"The address of a repository {error}.") from error
    if plain != value:
        raise ValidationError(f"Write it as {plain}")


def validate_keys(value: str) -> None:
    """Public keys of package indexes, or none."""
    try:
        if value.strip():
            read_keys(value)
    except SignatureError as error:
        raise ValidationError(f"These are not public keys of usign or apk (PEM, EC P-256): {error}") from error
