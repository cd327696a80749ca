"""The body of a request, from a JSON file of either generation and from options."""

from collections.abc import Mapping, Sequence
from typing import Any

from asu_cli import __version__, names, texts
from asu_cli.errors import UsageError

CLIENT = f"asu/{__version__}"
# Keys of 2017 to 2019 that have no place in a request of today.
_CLASSIC_ONLY = frozenset({"subtarget", "board", "board_name", "model", "update_packages", "upgrade_packages"})


def from_document(document: object) -> dict[str, Any]:
    """A request as v1 takes it, from one of v1, one of 2017 to 2019, or the JSON that `asu check` printed."""
    if not isinstance(document, dict):
        raise UsageError("The request is not a JSON object.")
    if isinstance(document.get("request"), dict) and "version" not in document.get("board", {}):
        return from_document(document["request"])
    is_classic = "subtarget" in document or ("board" in document and "profile" not in document)
    return _of_classic(document) if is_classic else dict(document)


def _of_classic(old: Mapping[str, Any]) -> dict[str, Any]:
    """`board` is the profile, target and subtarget are one, and a list of packages is absolute."""
    body = {name: value for name, value in old.items() if name not in _CLASSIC_ONLY}
    if isinstance(old.get("subtarget"), str) and isinstance(old.get("target"), str):
        body["target"] = f"{old['target']}/{old['subtarget']}"
    body["profile"] = old.get("board") or old.get("board_name")
    packages = old.get("packages")
    if isinstance(packages, dict | list):
        body["packages"] = list(packages)
        body["diff_packages"] = True
    if isinstance(old.get("distro"), str):
        body["distro"] = old["distro"].lower()
    return {name: value for name, value in body.items() if value not in (None, "")}


def with_options(body: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The request with what the command line gives: that replaces, and None leaves alone."""
    merged = {**body, **{name: value for name, value in options.items() if value is not None}}
    merged.setdefault("client", CLIENT)
    return merged


def with_packages(body: Mapping[str, Any], add: Sequence[str], remove: Sequence[str]) -> dict[str, Any]:
    """The request with packages added and removed."""
    for name in (*add, *remove):
        if not names.PACKAGE.fullmatch(name.removeprefix("-")):
            raise UsageError(f"{texts.line(name, 60)!r} is no name of a package.")
    if not add and not remove:
        return dict(body)
    wanted = body.get("packages")
    if wanted is not None and not isinstance(wanted, list):
        raise UsageError("The request's packages are not a list; -p and --remove go with a list.")
    listed = list(wanted or [])
    gone = {name.removeprefix("-") for name in remove}
    if body.get("packages_versions"):
        raise UsageError("The request names versions (packages_versions); -p and --remove go with a list of packages.")
    if body.get("diff_packages"):
        # An absolute list: what is not in it is not in the image.
        kept = [name for name in listed if name not in gone]
    else:
        kept = [name for name in listed if name not in gone] + [f"-{name}" for name in sorted(gone)]
    return {**body, "packages": list(dict.fromkeys([*kept, *add]))}


def checked(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same where the fields are there that no server can do without."""
    for name, option, example in (
        ("version", "--version", "24.10.2"),
        ("target", "--target", "ath79/generic"),
        ("profile", "--profile", "tplink_archer-c7-v2"),
    ):
        if not isinstance(body.get(name), str) or not body[name]:
            raise UsageError(f"Which {name}? Give {option}, e.g. {example}, or a --request file that has it.")
    return dict(body)


def repositories(pairs: Sequence[str]) -> dict[str, str] | None:
    """`name=url` pairs as the object that requests carry."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, url = pair.partition("=")
        if not equals or not names.PACKAGE.fullmatch(name) or "://" not in url:
            raise UsageError(f"--repository {texts.line(pair, 80)!r} is not NAME=URL.")
        found[name] = url
    return found or None
