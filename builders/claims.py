"""What a worker from elsewhere says of its result, held against what was asked for. Believed is only what fits.

The worker ran programs out of packages that anybody may have made, so everything that it says is input: types, names,
sizes. What nobody here can check (are these the bytes that the ImageBuilder made?) stands on the image's page with the
worker's name.
"""

import json
import re
from collections.abc import Collection, Mapping, Set
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from builders import contents, trailer
from builders.runners.sandbox import LEVELS
from builders.spec import BuildFailedError, BuildResult, BuildSpec, ResultFile
from builders.states import Reason
from packages import names
from packages.exceptions import BadDocumentError
from packages.models import Package, Profile
from packages.parsing import profiles, strict
from packages.parsing.types import dependency_name

MOST_PACKAGES = 20_000
_VERSION = re.compile(r"[\x21-\x7e]{0,128}")
_ABI = re.compile(r"(?:-?[0-9][A-Za-z0-9.+-]*)?")
_IMAGE_WORD = re.compile(r"[A-Za-z0-9._+-]{0,64}")
_LISTS = ("made_here", "signatures_stripped")  # of `BuildResult.details`
_NUMBERS = ("downloaded_bytes", "some_too_big")
_MOST_WORDS = 200  # characters of what a sentence repeats
_MOST_DOCUMENT = 4 * 2**20  # characters, as `builders.collect` has it
_MOST_METADATA = 32 * 1024
_AT_ONCE = 1000  # names in one question to the database


class ClaimError(ValueError):
    """Something in the report has the wrong shape; the text names the field."""


def read(said: Mapping[str, Any], files: list[ResultFile], spec: BuildSpec, sandbox: str) -> BuildResult:
    """The report as a result. Raises ClaimError."""
    log_bytes = settings.ASU_BUILD_LOG_KB * 1024
    return BuildResult(
        files=files,
        manifest=_manifest(_dict(said, "manifest")),
        profile_json=_document(_dict(said, "profile_json")),
        build_cmd=[_text(word, "build_cmd", 200_000) for word in _list(said, "build_cmd")[:100]],
        stdout=_text(said.get("stdout", ""), "stdout")[-log_bytes:],
        stderr=_text(said.get("stderr", ""), "stderr")[-log_bytes:],
        seconds=_seconds(said.get("seconds", 0.0)),
        sandbox=sandbox if sandbox in LEVELS else "",
        details=_details(_dict(said, "details")),
    )


def failure(said: Mapping[str, Any]) -> BuildFailedError:
    """The report of a failed build. Raises ClaimError."""
    reason = said.get("reason")
    if reason not in Reason.values() or reason == Reason.REFUSED:  # that one is a maintainer's
        raise ClaimError(f"reason: {ascii(reason)[:60]} is unknown.")
    log_bytes = settings.ASU_BUILD_LOG_KB * 1024
    return BuildFailedError(
        Reason(reason),
        _printable(_text(said.get("sentence", ""), "sentence", 2000)),
        stdout=_text(said.get("stdout", ""), "stdout")[-log_bytes:],
        stderr=_text(said.get("stderr", ""), "stderr")[-log_bytes:],
        build_cmd=[_text(word, "build_cmd", 200_000) for word in _list(said, "build_cmd")[:100]],
    )


def check(result: BuildResult, spec: BuildSpec, folder: Path) -> None:
    """Raises BuildFailedError (BAD_RESULT) when this is not what was asked for: another device, other packages."""
    images = _images_of(result.profile_json, spec)
    declared = {file.name: file for file in result.files}
    for image in images:
        file = declared.get(image["name"])
        if file is None:
            raise _bad(f"the image {image['name']!a} was never sent")
        if image.get("sha256") not in (None, "", file.sha256):
            raise _bad(f"the image {file.name} has another SHA-256 in profiles.json than in the upload")
        _check_metadata(folder / file.name, spec)
    said_target = result.profile_json.get("target") or spec.target
    if said_target != spec.target:
        raise _bad(f"it is for the target {said_target!a}")
    version_code = result.profile_json.get("version_code", "")
    if spec.version_code and version_code and version_code != spec.version_code:
        raise _bad(f"it is of the revision {version_code!a}")
    _check_shape(result.profile_json)
    _check_packages(result.manifest, spec)


def _check_shape(document: Mapping[str, Any]) -> None:
    """Titles, boards, times: pages and answers show them as they are, so they are held to what mirrors are held to."""
    try:
        profiles.parse(json.dumps(document))
    except BadDocumentError as wrong:
        raise _bad(str(wrong)) from wrong


def _images_of(document: Mapping[str, Any], spec: BuildSpec) -> list[dict[str, Any]]:
    profiles = document.get("profiles")
    if not isinstance(profiles, dict) or len(profiles) != 1:
        raise _bad("profiles.json does not name one device")
    [(name, entry)] = profiles.items()
    if str(name).removeprefix("DEVICE_") != spec.profile.removeprefix("DEVICE_"):
        raise _bad(f"it is for the device {name!a}")
    images = entry.get("images") if isinstance(entry, dict) else None
    if not isinstance(images, list) or not images:
        raise _bad("profiles.json names no image")
    for image in images:
        if not isinstance(image, dict) or not isinstance(image.get("name"), str):
            raise _bad("profiles.json has an image without a name")
        for field in ("type", "filesystem"):
            word = image.get(field, "")
            if not isinstance(word, str) or not _IMAGE_WORD.fullmatch(word):
                raise _bad(f"profiles.json has an image with the {field} {word!a}"[:200])
    return images


def _check_metadata(path: Path, spec: BuildSpec) -> None:
    """A sysupgrade image says itself for which devices it is; a router goes by that, so it has to be this one."""
    with path.open("rb") as image:
        for chunk in trailer.chunks(path):
            if chunk.kind != trailer.METADATA or chunk.end - chunk.start > _MOST_METADATA:
                continue
            image.seek(chunk.start)
            text = image.read(chunk.data.stop - chunk.data.start)
            try:
                said = strict.load_json(text.decode("utf-8", "replace"), path.name)
            except BadDocumentError:
                return
            boards = said.get("supported_devices") if isinstance(said, dict) else None
            known = _known_boards(spec)
            if isinstance(boards, list) and boards and known and not known.intersection(map(str, boards)):
                raise _bad(f"{path.name} is for {', '.join(map(str, boards))[:100]!a}")


def _known_boards(spec: BuildSpec) -> set[str]:
    rows = Profile.objects.filter(
        name=spec.profile,
        target__name=spec.target,
        target__release__version=spec.version,
        target__release__distribution__name=spec.distribution,
    )
    return {str(board) for boards in rows.values_list("supported_devices", flat=True) for board in boards}


def _check_packages(manifest: Mapping[str, str], spec: BuildSpec) -> None:
    """What was asked for by name has to be in it, in a version of the indexes; names with ABI suffixes count.

    What was taken out may be in it all the same: another package may need it.
    """
    asked = contents.requested(spec.packages)
    names_asked = {*asked, *contents.expected(spec.packages, spec.default_packages)}
    versions = _versions_of(names_asked, spec)
    # Where two packages share what is left without suffixes, the version of the one that was asked for is not known.
    held = {name: manifest[name] for name in names_asked if name in manifest}
    for name in asked:
        others = [full_name for full_name in manifest if _is_named(full_name, name)]
        if name not in held and others:
            held[name] = manifest[others[0]] if len(others) == 1 else min(versions.get(name, {""}))
    missing = [name for name in asked if name not in held and name in versions]
    what = contents.complaint(
        asked,
        names_asked - set(asked),
        held,
        _provided(manifest, spec) if missing else frozenset(),
        lambda name: versions.get(name, set()),
        lambda name: name in versions,
    )
    if what:
        raise _bad(f"it {what}")


def _is_named(held: str, name: str) -> bool:
    """Whether a package goes by this name, with the version of its ABI or without (`libjson-c5` for `libjson-c`)."""
    return held.startswith(name) and _ABI.fullmatch(held.removeprefix(name)) is not None


def _rows(spec: BuildSpec) -> "QuerySet[Package]":
    """The packages of the feeds, as long as they are in the state that the build was asked for."""
    sums = [feed.index_sha256 for feed in spec.feeds if feed.index_sha256]
    return Package.objects.filter(feed__index_sha256__in=sums)


def _versions_of(asked: Collection[str], spec: BuildSpec) -> dict[str, set[str]]:
    rows = _rows(spec).filter(Q(full_name__in=asked) | Q(name__in=asked))
    found: dict[str, set[str]] = {}
    for full_name, name, version in rows.values_list("full_name", "name", "version"):
        for known in {full_name, name}:
            found.setdefault(known, set()).add(version)
    return found


def _provided(manifest: Mapping[str, str], spec: BuildSpec) -> Set[str]:
    """What the packages of an image stand in for."""
    found: set[str] = set()
    held = list(manifest)
    for start in range(0, len(held), _AT_ONCE):
        some = held[start : start + _AT_ONCE]
        rows = _rows(spec).filter(Q(full_name__in=some) | Q(name__in=some)).exclude(provides=[])
        for provides in rows.values_list("provides", flat=True):
            found.update(map(dependency_name, provides))
    return found


def _bad(what: str) -> BuildFailedError:
    if len(what) > _MOST_WORDS:  # it repeats what the worker said
        what = f"{what[:_MOST_WORDS]} ..."
    return BuildFailedError(
        Reason.BAD_RESULT,
        f"The worker delivered something else than what was asked for: {what}. Nothing of it was published. Ask again.",
    )


def _document(said: dict[str, Any]) -> dict[str, Any]:
    """profiles.json as any other document from outside: neither deep nor huge, and nothing that cannot be stored."""
    try:
        text = json.dumps(said)
        if len(text) > _MOST_DOCUMENT:
            raise ClaimError(f"profile_json: more than {_MOST_DOCUMENT} characters.")
        document: dict[str, Any] = strict.load_json(text, "profile_json")
    except BadDocumentError as wrong:
        raise ClaimError(str(wrong)) from wrong
    except RecursionError as wrong:
        raise ClaimError("profile_json is nested too deep.") from wrong
    return document


def _details(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a build besides, as far as it has the right shape."""
    for name, value in said.items():
        if name in _LISTS and not (isinstance(value, list) and all(isinstance(word, str) for word in value)):
            raise ClaimError(f"details: {name} is not a list of texts.")
        if name in _NUMBERS and not (isinstance(value, int) and 0 <= value < 2**63):
            raise ClaimError(f"details: {name} is not a number.")
    return {name: value for name, value in said.items() if name in (*_LISTS, *_NUMBERS)}


def _printable(text: str) -> str:
    """Without what would turn a reader's screen around."""
    return "".join(char for char in text if char.isprintable() or char == "\n")


def _manifest(said: Mapping[str, Any]) -> dict[str, str]:
    if len(said) > MOST_PACKAGES:
        raise ClaimError(f"manifest: more than {MOST_PACKAGES} packages.")
    for name, version in said.items():
        if not names.PACKAGE.fullmatch(name) or not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise ClaimError(f"manifest: {ascii(name)[:80]} with {ascii(version)[:80]} is no package with its version.")
    return dict(said)


def _dict(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = said.get(name, {})
    if not isinstance(value, dict):
        raise ClaimError(f"{name}: not an object.")
    return value


def _list(said: Mapping[str, Any], name: str) -> list[Any]:
    value = said.get(name, [])
    if not isinstance(value, list):
        raise ClaimError(f"{name}: not a list.")
    return value


def _text(value: object, name: str, most: int | None = None) -> str:
    if not isinstance(value, str) or (most is not None and len(value) > most):
        raise ClaimError(f"{name}: not a text" + (f" of at most {most} characters." if most else "."))
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**6:
        raise ClaimError("seconds: not a number of seconds.")
    return float(value)
