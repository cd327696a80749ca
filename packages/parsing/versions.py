"""What a mirror offers: `/.versions.json`, `.targets.json` and `.overview.json` of a release.

These are made by the download server, not by the build; the shapes are those that their readers rely on.
"""

from dataclasses import dataclass, field

from packages import names
from packages.parsing.profiles import read_titles
from packages.parsing.strict import Fields, load_json

MAX_VERSIONS = 5_000
MAX_TARGETS = 2_000
MAX_OVERVIEW = 50_000


@dataclass(frozen=True, slots=True)
class VersionsDocument:
    """All versions in the mirror's order (newest first); the named ones are "" where there is none."""

    versions: list[str]
    stable: str = ""
    oldstable: str = ""
    upcoming: str = ""


@dataclass(frozen=True, slots=True)
class OverviewEntry:
    """A device of a release: enough to find it by name."""

    name: str
    target: str
    titles: list[dict[str, str]] = field(default_factory=list)


def parse_versions(data: bytes | str, document: str = ".versions.json") -> VersionsDocument:
    """The list of releases. Names that are no version, and repetitions, are left out."""
    fields = Fields(load_json(data, document), document)
    if "versions_list" not in fields.raw:
        fields.fail("is missing", "versions_list")
    versions = [name for name in fields.texts("versions_list", MAX_VERSIONS) if names.VERSION.fullmatch(name)]

    def one(key: str) -> str:
        name = fields.text(key, limit=256)
        return name if names.VERSION.fullmatch(name) else ""

    return VersionsDocument(
        list(dict.fromkeys(versions)), one("stable_version"), one("oldstable_version"), one("upcoming_version")
    )


def parse_targets(data: bytes | str, document: str = ".targets.json") -> dict[str, str]:
    """`{"ath79/generic": "mips_24kc", ...}`: targets to package architectures. Other names are left out."""
    fields = Fields(load_json(data, document), document)
    if len(fields.raw) > MAX_TARGETS:
        fields.fail(f"has more than {MAX_TARGETS} entries")
    return {name: fields.text(name, limit=64) for name in fields.raw if names.TARGET.fullmatch(name)}


def parse_overview(data: bytes | str, document: str = ".overview.json") -> list[OverviewEntry]:
    """All devices of a release. Entries whose profile or target has no proper name are left out."""
    fields = Fields(load_json(data, document), document)
    entries = []
    for place, value in enumerate(fields.array("profiles", MAX_OVERVIEW)):
        profile = fields.inner(f"profiles[{place}]", value)
        name, target = profile.text("id"), profile.text("target")
        if names.PROFILE.fullmatch(name) and names.TARGET.fullmatch(target):
            entries.append(OverviewEntry(name, target, read_titles(profile)))
    return entries
