"""`profiles.json` (19.07 and later), of a whole target upstream or of one build.

Keys in use: imagebuilder documents `metadata_version` 1; fields that older releases lack are empty here.
"""

import re
from typing import Any

from packages import names
from packages.parsing.strict import Fields, load_json
from packages.parsing.types import ProfileEntry, TargetDocument

MAX_PROFILES = 5_000
MAX_PACKAGES = 2_000
MAX_IMAGES = 500
MAX_DEVICES = 200
MAX_TITLES = 50
LAST_SECOND = 253_402_300_799  # of the year 9999
SIZE_LIMITS = range(256 * 1024, 1 << 40)  # bytes; what an image may have on any device
_WORD = re.compile(rf"-?(?:{names.PACKAGE.pattern})")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}")


def parse(data: bytes | str, document: str = "profiles.json") -> TargetDocument:
    """The target with its profiles in the document's order."""
    fields = Fields(load_json(data, document), document)
    if "profiles" not in fields.raw:
        fields.fail("is missing", "profiles")
    if fields.number("metadata_version") not in (None, 1):
        fields.fail("is of a version that this server does not know", "metadata_version")
    table = fields.table("profiles", MAX_PROFILES)
    good = [name for name in table if names.PROFILE.fullmatch(name)]
    return TargetDocument(
        target=_matching(fields, "target", names.TARGET),
        version_code=_matching(fields, "version_code", _CODE),
        version_number=_matching(fields, "version_number", names.VERSION),
        arch_packages=_matching(fields, "arch_packages", _CODE),
        source_date_epoch=_epoch(fields),
        linux_kernel=_kernel(fields),
        default_packages=package_words(fields.texts("default_packages", MAX_PACKAGES)),
        profiles=[_profile(name, fields.inner(f"profiles.{name}", table[name])) for name in good],
        skipped=len(table) - len(good),
    )


def package_words(words: list[str]) -> list[str]:
    """Those of the words that are `name` or `-name`, each once, in order."""
    return list(dict.fromkeys(word for word in words if _WORD.fullmatch(word)))


def read_titles(profile: Fields) -> list[dict[str, str]]:
    """`titles` reduced to the keys that mean something, all texts."""
    titles: list[dict[str, str]] = []
    for place, value in enumerate(profile.array("titles", MAX_TITLES)):
        title = profile.inner(f"titles[{place}]", value)
        kept = {key: title.text(key, limit=256) for key in ("title", "vendor", "model", "variant") if key in title.raw}
        if any(kept.values()):
            titles.append({key: text for key, text in kept.items() if text})
    return titles


def _matching(fields: Fields, key: str, pattern: re.Pattern[str]) -> str:
    """A text that is empty or of the pattern: it will be part of addresses and command lines."""
    text = fields.text(key, limit=256)
    if text and not pattern.fullmatch(text):
        fields.fail("has characters that it must not have", key)
    return text


def _epoch(fields: Fields) -> int | None:
    """Seconds since 1970; what is no date is refused here, for everybody who shows it as one would stumble."""
    epoch = fields.number("source_date_epoch")
    if epoch is not None and epoch > LAST_SECOND:
        fields.fail("is no time", "source_date_epoch")
    return epoch


def _kernel(fields: Fields) -> dict[str, str]:
    # Some generators write the text "null" where they know no kernel.
    if not isinstance(fields.raw.get("linux_kernel"), dict):
        return {}
    kernel = fields.inner("linux_kernel", fields.raw["linux_kernel"])
    return {
        key: _matching(kernel, key, _CODE) for key in ("version", "release", "vermagic") if kernel.text(key, limit=256)
    }


def _profile(name: str, profile: Fields) -> ProfileEntry:
    devices = profile.texts("supported_devices", MAX_DEVICES)
    return ProfileEntry(
        name=name,
        titles=read_titles(profile),
        supported_devices=[device for device in devices if names.BOARD.fullmatch(device)],
        device_packages=package_words(profile.texts("device_packages", MAX_PACKAGES)),
        image_prefix=_matching(profile, "image_prefix", names.FILE),
        images=_images(profile),
        size_limit=_size_limit(profile),
    )


def _size_limit(profile: Fields) -> int:
    """Of an image as a whole (25.12 and later); what is odd is not told: nothing is built from it."""
    limits = profile.raw.get("file_size_limits")
    size = limits.get("image") if isinstance(limits, dict) else None
    return size if isinstance(size, int) and not isinstance(size, bool) and size in SIZE_LIMITS else 0


def _images(profile: Fields) -> list[dict[str, Any]]:
    """The images whose name can be a file's and an address' name."""
    images = []
    for place, value in enumerate(profile.array("images", MAX_IMAGES)):
        image = profile.inner(f"images[{place}]", value)
        if names.FILE.fullmatch(image.text("name")):
            images.append(_image(image))
    return images


def _image(image: Fields) -> dict[str, Any]:
    result: dict[str, Any] = {"name": image.text("name")}
    for key in ("type", "filesystem"):
        if image.text(key):
            result[key] = image.text(key, limit=64)
    for key in ("sha256", "sha256_unsigned"):
        if image.text(key):
            result[key] = _matching(image, key, names.SHA256)
    if (size := image.number("size")) is not None:
        result["size"] = size
    return result
