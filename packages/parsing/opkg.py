"""opkg's `Packages` index, and the control file of one package: Debian-like stanzas."""

import re

from packages import names
from packages.exceptions import BadDocumentError
from packages.parsing.strict import as_text
from packages.parsing.types import PackageEntry, PackageIndex

MAX_PACKAGES = 100_000
MAX_ITEMS = 2_000
MAX_DESCRIPTION = 4_000
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:+~_-]{0,127}")
_ITEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,127}(?: ?\([^()|,]{1,130}\))?")
_PATH = re.compile(
    r"(?:\./)?((?!\.{1,2}(?:/|$))[A-Za-z0-9._+~-]{1,240}(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._+~-]{1,240}){0,3})"
)
_ABI = re.compile(r"[A-Za-z0-9._+-]{1,64}")
_WANTED = frozenset(
    {"Package", "Version", "Depends", "Provides", "Conflicts", "Section", "Description", "Size", "Installed-Size"}
    | {"SHA256sum", "Filename", "Architecture", "Essential", "ABIVersion"}
)


class _SkipError(ValueError):
    """This stanza is about a package that nobody can ask for."""


def parse(data: bytes | str, document: str = "Packages") -> PackageIndex:
    """The packages in the index' order. Entries with a name, version or file name out of bounds are only counted."""
    stanzas = [stanza for stanza in as_text(data, document).split("\n\n") if stanza.strip()]
    if len(stanzas) > MAX_PACKAGES:
        raise BadDocumentError(f"{document} has more than {MAX_PACKAGES} packages.")
    index = PackageIndex()
    for number, stanza in enumerate(stanzas, 1):
        fields = _fields(stanza, document, number)
        try:
            index.append(_entry(fields))
        except _SkipError:
            index.skipped += 1
    return index


def parse_control(data: bytes | str, document: str = "control") -> PackageEntry:
    """The one package that a control file is about."""
    stanza = as_text(data, document).strip("\n")
    try:
        return _entry(_fields(stanza.partition("\n\n")[0], document, 1))
    except _SkipError as error:
        raise BadDocumentError(f"{document}: {error}.") from error


def _fields(stanza: str, document: str, number: int) -> dict[str, str]:
    """The wanted fields of a stanza; lines that begin with a blank continue the field above."""
    fields: dict[str, str] = {}
    key = ""
    for line in stanza.split("\n"):
        if line[:1] in (" ", "\t"):
            if key in fields:
                fields[key] += "\n" + line[1:]
            continue
        key, colon, value = line.partition(":")
        if not colon:
            if line.strip():
                raise BadDocumentError(f"{document}, package {number}: a line without field name.")
            continue
        if key in _WANTED:
            if key in fields:
                raise BadDocumentError(f"{document}, package {number}: {key} is there twice.")
            fields[key] = value.strip()
    if "Package" not in fields:
        raise BadDocumentError(f"{document}, package {number}: no package name.")
    return fields


def _entry(fields: dict[str, str]) -> PackageEntry:
    full_name, version = fields["Package"], fields.get("Version", "")
    if not names.PACKAGE.fullmatch(full_name):
        raise _SkipError("the package's name has characters that it must not have")
    if not _VERSION.fullmatch(version):
        raise _SkipError("the package's version has characters that it must not have")
    return PackageEntry(
        full_name=full_name,
        name=without_abi(full_name, fields.get("ABIVersion", "")),
        version=version,
        depends=_items(fields.get("Depends", "")),
        provides=_items(fields.get("Provides", "")),
        conflicts=_items(fields.get("Conflicts", "")),
        section=fields.get("Section", "")[:64],
        description=fields.get("Description", "")[:MAX_DESCRIPTION],
        size=_number(fields.get("Size", "")),
        installed_size=_number(fields.get("Installed-Size", "")),
        sha256=_sha256(fields.get("SHA256sum", "")),
        file_name=_path(fields.get("Filename", "")),
        architecture=fields.get("Architecture", "")[:64],
        is_essential=fields.get("Essential", "") == "yes",
    )


def without_abi(full_name: str, abi: str) -> str:
    """`libubox20230523` with ABI version `20230523` is `libubox`; names that do not end so stay."""
    if abi and _ABI.fullmatch(abi) and full_name.endswith(abi):
        return full_name[: -len(abi)] or full_name
    return full_name


def _items(text: str) -> tuple[str, ...]:
    """A list separated by commas (older indexes: by blanks in Provides). What opkg could not read is left out."""
    if not text:
        return ()
    if "," not in text and "(" not in text and "|" not in text:
        words = text.split()
    else:
        words = [" ".join(word.split()) for word in text.split(",")]
    if len(words) > MAX_ITEMS:
        raise _SkipError("the package has too many relations")
    return tuple(word for word in words if all(_ITEM.fullmatch(choice.strip()) for choice in word.split("|")))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


def _sha256(text: str) -> str:
    text = text.lower()
    return text if names.SHA256.fullmatch(text) else ""


def _path(text: str) -> str:
    if not text:
        return ""
    match = _PATH.fullmatch(text)
    if match is None:
        raise _SkipError("the package's file name leads out of the feed")
    return match[1]
