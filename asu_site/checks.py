"""System checks: what is set up in a way that cannot work, found at the start and said with a hint."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from asu_site.addresses import is_page
from packages import names

PACKAGES = "apt-get install bubblewrap util-linux"


@register()
def check_data_dir(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """asu.E001: everything that the server writes lies below one folder."""
    folder = Path(settings.ASU_DATA_DIR)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return []
    hint = "Give the server's user the right to write there, or set ASU_DATA_DIR to another folder."
    return [Error(f"The data folder {folder} cannot be written.", hint=hint, id="asu.E001")]


@register()
def check_base_url(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """asu.E002: addresses that we hand out are made from it."""
    url = settings.ASU_BASE_URL
    if not url:
        return []
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment or parts.username):
        return []
    hint = "Write it like https://asu.example.org, or leave it empty to answer as we were addressed."
    return [Error(f"ASU_BASE_URL={url!r} is not the address of a server.", hint=hint, id="asu.E002")]


@register()
def check_default_distribution(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """asu.E003: a name; whether the distribution is there yet does not matter."""
    name = settings.ASU_DEFAULT_DISTRIBUTION
    if names.DISTRIBUTION.fullmatch(name) and name not in names.RESERVED:
        return []
    hint = "Use the name of a distribution: lower-case letters, digits and dashes, e.g. openwrt."
    return [Error(f"ASU_DEFAULT_DISTRIBUTION={name!r} cannot be the name of one.", hint=hint, id="asu.E003")]


@register()
def check_accel_prefix(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """asu.E004: nginx takes the header as an address of its own."""
    prefix = settings.ASU_X_ACCEL_PREFIX
    if not prefix or (prefix.startswith("/") and not is_page(prefix)):
        return []
    hint = "Write the nginx location, e.g. /protected-store, or leave it empty."
    return [Error(f"ASU_X_ACCEL_PREFIX={prefix!r} is not a location for the store.", hint=hint, id="asu.E004")]


@register()
def check_sandbox(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """asu.W001: a demanded sandbox that this machine cannot put up; builds will be refused here."""
    demanded = settings.ASU_SANDBOX
    if demanded == "auto":
        return []
    # Not at the top: web processes run no builds, and no checks.
    from builders.runners.sandbox import LEVELS, probe

    found = probe()
    if demanded in LEVELS[: LEVELS.index(found.level) + 1 if found.level else 0]:
        return []
    why = f" ({found.detail})" if found.detail else ""
    message = f"ASU_SANDBOX={demanded} is demanded, this machine reaches '{found.level}'{why}: no build will run here."
    return [Warning(message, hint=f"Debian: {PACKAGES}; or allow less with ASU_SANDBOX=auto.", id="asu.W001")]
