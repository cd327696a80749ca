"""`index.json` beside a package index: names and versions.

v1 (23.05): `{"architecture", "packages": {name: version}}`, names as the package manager has them (with ABI suffix).
v2 (24.10 and later): the same with `"version": 2` and names without ABI suffix.
A flat `{name: version}`, as an image server publishes it for one architecture, is read as v2.
"""

from dataclasses import dataclass

from packages import names
from packages.parsing.strict import Fields, load_json

MAX_PACKAGES = 100_000
_VERSIONS = (1, 2)


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """`version` tells which names these are: 1 with, 2 without ABI suffix."""

    architecture: str
    packages: dict[str, str]
    version: int
    skipped: int = 0  # entries left out because of their name


def parse(data: bytes | str, document: str = "index.json") -> IndexDocument:
    """The document; entries whose name is none of a package that can be asked for are counted, not kept."""
    fields = Fields(load_json(data, document), document)
    is_flat = not isinstance(fields.raw.get("packages"), dict)
    version = 2 if is_flat else fields.number("version") or 1
    if version not in _VERSIONS:
        fields.fail("is of a version that this server does not know", "version")
    table = fields.inner("packages", fields.raw if is_flat else fields.table("packages", MAX_PACKAGES))
    if len(table.raw) > MAX_PACKAGES:
        fields.fail(f"has more than {MAX_PACKAGES} entries")
    versions = {name: table.text(name, limit=256) for name in table.raw}
    packages = {name: text for name, text in versions.items() if names.PACKAGE.fullmatch(name)}
    architecture = "" if is_flat else fields.text("architecture", limit=64)
    return IndexDocument(architecture, packages, version, len(versions) - len(packages))
