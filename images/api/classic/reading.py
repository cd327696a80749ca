"""What classic clients send, made into what `images.services` takes; in the order of the decisions of that time.

Each refusal says what is wrong in the words of then, and carries the name of the field.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from images import admission, validation
from images.api.classic.calls import Call
from images.exceptions import RequestRefusedError
from images.validation import Asked, shown
from packages import names, naming
from packages.exceptions import NotCompleteError
from packages.models import Distribution, Release, Target
from packages.querysets import called, listed
from packages.versions import is_pre_release, version_key

Fields = Mapping[str, Any]

MISSING = "missing"  # `RequestRefusedError.field` of a request that lacks something; the header names what
MISSING_HEADER = "X-Missing-Param"
_LONGEST_MODEL = 128


@dataclass(frozen=True, slots=True)
class Place:
    """A target of a release. `target_id`: of the row, while its documents are not here."""

    distribution: str
    version: str
    target: str
    target_id: int | None = None

    @property
    def is_complete(self) -> bool:
        """Whether wishes can be checked against it."""
        return self.target_id is None


def need(call: Call, required: Iterable[str], sentence: str) -> None:
    """The first decision: nothing is missing. The address may stand for the distribution."""
    missing = [
        name for name in required if call.fields.get(name) in (None, "") and not (name == "distro" and call.address)
    ]
    if missing:
        raise RequestRefusedError(400, sentence, headers={MISSING_HEADER: ", ".join(missing)}, field=MISSING)


def place(call: Call) -> Place:
    """The second: distribution, release and target are known and on offer."""
    named, asked = distribution(call), version(call)
    target = target_of(call.fields)
    found = Place(named, asked, target if names.TARGET.fullmatch(target) else "")
    for row in Distribution.objects.visible_to(call.viewer).line(named):
        # A device of LEDE is told of releases of OpenWrt, and asks for them by its own name.
        if row.releases.filter(called(asked), is_enabled=True).exists():
            found = replace(found, distribution=row.name)
            break
    try:
        admission.find(Asked(found.distribution, found.version, found.target, "", (), asker=call.asker))
    except NotCompleteError as error:
        return replace(found, target_id=error.target_id)
    except RequestRefusedError as refusal:
        raise _as_then(refusal, found, target) from refusal
    return found


def distribution(call: Call) -> str:
    """The name of the distribution that is meant, however it was written."""
    sent = call.fields.get("distro")
    if call.address and (sent in (None, "") or _is_base(sent, call)):
        sent = call.address
    named = naming.named(sent, call.viewer) if isinstance(sent, str) else ""
    if not named:
        raise unknown("distro", "distribution", sent)
    if call.address and named != call.address:
        raise RequestRefusedError(400, f"distro: {named} is not {call.address}, which this address is for.")
    return named


def _is_base(sent: object, call: Call) -> bool:
    return isinstance(sent, str) and naming.is_base(sent, call.address, call.viewer)


def version(call: Call) -> str:
    """The release that is meant; whether there is one is asked later."""
    sent = call.fields.get("version")
    if not isinstance(sent, str) or not names.VERSION.fullmatch(sent):
        raise unknown("version", "release", sent)
    return sent


def newest_version(call: Call) -> str:
    """The newest release that has the target: for auc of 2018, which forgets to say what it was told; "" for none."""
    rows = Release.objects.filter(
        listed(),
        distribution__in=Distribution.objects.visible_to(call.viewer).line(distribution(call)),
        targets__name=target_of(call.fields),
        targets__is_enabled=True,
    )
    finished = [found for found in rows.values_list("version", flat=True) if not is_pre_release(found)]
    return max(finished, key=version_key, default="")


def target_of(fields: Fields) -> str:
    """`ar71xx/generic`, sent as one field or as two."""
    target, subtarget = fields.get("target"), fields.get("subtarget")
    if not isinstance(target, str):
        return ""
    if subtarget in (None, "") or target.endswith(f"/{subtarget}"):
        return target
    return f"{target}/{subtarget}" if isinstance(subtarget, str) else ""


def is_in_one_field(fields: Fields) -> bool:
    """Whether the target came as `a/b` without a subtarget, as clients do since 2019."""
    target = fields.get("target")
    return isinstance(target, str) and "/" in target and fields.get("subtarget") in (None, "")


def wish(call: Call, where: Place) -> Asked:
    """The rest: the device, and the packages, which are all that the image shall hold; without them the defaults."""
    words = packages(call.fields)
    wanted = validation.shape(
        where.distribution,
        {
            "version": where.version,
            "target": where.target,
            "profile": "any",  # a board may be no name at all, on a PC say; see below
            "packages": words or [],
            "diff_packages": words is not None,
            **{name: call.fields.get(name) for name in ("client", "defaults", "network_profile")},
        },
        client=call.agent,
        asker=call.asker,
    )
    named = board(call.fields)
    return replace(
        wanted,
        profile=named if names.BOARD.fullmatch(named) else "",
        is_classic=True,
        model=_model(call.fields),
    )


def board(fields: Fields) -> str:
    """What the router calls its board; the clients of 2019 and later have two more names for it."""
    found = next((fields[name] for name in ("board", "board_name", "profile") if fields.get(name)), "")
    return found if isinstance(found, str) else ""


def packages(fields: Fields, name: str = "packages") -> list[Any] | None:
    """A list of names, or an object of names and versions, of which the names count. Empty lines are no names."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, list | dict):
        raise validation.wrong(name, value, "a list of package names")
    words = [word.strip() if isinstance(word, str) else word for word in value]
    return [word for word in words if word != ""]


def device_words(fields: Fields) -> str:
    """How errors name the device: BOARD/MODEL."""
    model = fields.get("model")
    said = [board(fields), model if isinstance(model, str) else ""]
    return "/".join(_plain(word) for word in said)


def _model(fields: Fields) -> str:
    model = fields.get("model")
    if model is not None and not isinstance(model, str):
        raise validation.wrong("model", model, "the name of a device")
    return (model or "")[:_LONGEST_MODEL]


def installed(fields: Fields, name: str) -> dict[str, str] | None:
    """What a device has: names with versions, or names alone. A version that is no text is not known."""
    words = packages(fields, name)
    if words is None:
        return None
    if len(words) > settings.ASU_MAX_PACKAGES:
        raise validation.too_many(name)
    for index, word in enumerate(words):
        if not isinstance(word, str) or not names.PACKAGE.fullmatch(word):
            raise validation.wrong(f"{name}[{index}]", word, validation.A_PACKAGE)
    value = fields[name]
    told = value if isinstance(value, dict) else {}
    return {word: _known_version(told.get(word)) for word in words}


def _known_version(value: object) -> str:
    return value if isinstance(value, str) and names.PACKAGE_VERSION.fullmatch(value) else ""


def unknown_target(named: str, target: str, version: str = "") -> RequestRefusedError:
    """For a target that there is not (any more), or not on offer."""
    rows = Target.objects.filter(release__distribution__name=named, name=target, vanished_at=None)
    if version:
        rows = rows.filter(called(version, "release"))
    if names.TARGET.fullmatch(target) and rows.exists():
        return RequestRefusedError(400, f"target currently not supported {_plain(target)}", field="target")
    return unknown("target", "target", target)


def unknown(field: str, word: str, value: object) -> RequestRefusedError:
    """`unknown release 1.2.3`"""
    return RequestRefusedError(400, f"unknown {word} {_plain(value)}", field=field)


def _as_then(refusal: RequestRefusedError, where: Place, target: str) -> RequestRefusedError:
    match refusal.field:
        case "distro":
            return unknown("distro", "distribution", where.distribution)
        case "version":
            return unknown("version", "release", where.version)
        case "target":
            return unknown_target(where.distribution, target, where.version)
    return refusal


def _plain(value: object) -> str:
    """As an error repeats it: short, ASCII, without quotes."""
    return shown(value)[1:-1] if isinstance(value, str) else shown(value)
