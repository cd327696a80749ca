"""What classic clients send, made into what `images.services` takes; in the order of the decisions of that time.

Each refusal says what is wrong in the words of then, and carries the name of the field.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from images import admission, validation
from images.api.classic.calls import Call
from images.exceptions import RequestRefusedError
from images.validation import Asked, shown
from packages import names, naming
from packages.exceptions import NotCompleteError
from packages.models import Target

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
    distribution = _distribution(call)
    version = call.fields["version"]
    if not isinstance(version, str) or not names.VERSION.fullmatch(version):
        raise _unknown("version", "release", version)
    target = target_of(call.fields)
    found = Place(distribution, version, target if names.TARGET.fullmatch(target) else "")
    try:
        admission.find(
            Asked(found.distribution, found.version, found.target, profile="", packages=(), asker=call.asker)
        )
    except NotCompleteError as error:
        return replace(found, target_id=error.target_id)
    except RequestRefusedError as refusal:
        raise _as_then(refusal, found, target) from refusal
    return found


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


def _distribution(call: Call) -> str:
    sent = call.fields.get("distro")
    if sent in (None, "") and call.address:
        sent = call.address
    named = naming.named(sent, call.viewer) if isinstance(sent, str) else ""
    if not named:
        raise _unknown("distro", "distribution", sent)
    if call.address and named != call.address:
        raise RequestRefusedError(400, f"distro: {named} is not {call.address}, which this address is for.")
    return named


def _as_then(refusal: RequestRefusedError, where: Place, target: str) -> RequestRefusedError:
    match refusal.field:
        case "distro":
            return _unknown("distro", "distribution", where.distribution)
        case "version":
            return _unknown("version", "release", where.version)
        case "target" if _is_known(where):
            return RequestRefusedError(400, f"target currently not supported {_plain(target)}", field="target")
        case "target":
            return _unknown("target", "target", target)
    return refusal


def _is_known(where: Place) -> bool:
    """Whether the release has such a target, though it is not offered."""
    rows = Target.objects.filter(release__distribution__name=where.distribution, name=where.target)
    return rows.filter(release__version__iexact=where.version).exists()


def _unknown(field: str, word: str, value: object) -> RequestRefusedError:
    return RequestRefusedError(400, f"unknown {word} {_plain(value)}", field=field)


def _plain(value: object) -> str:
    """As an error repeats it: short, ASCII, without quotes."""
    return shown(value)[1:-1] if isinstance(value, str) else shown(value)
