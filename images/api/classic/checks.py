"""Is there something newer for this device? Both generations ask, and take the answer in their own statuses.

::

    POST /update-request       201 wait, 200 this is newer, 204 nothing is
    POST /api/upgrade-check    202 wait, 200 this is newer, 204 nothing is
"""

from dataclasses import dataclass
from functools import partial

from images import preparing
from images.api.answers import Answer
from images.api.classic import by_header, by_status, calls, reading
from images.api.classic.calls import Call
from images.api.classic.standing import Word
from images.exceptions import RequestRefusedError
from packages import names
from packages.exceptions import UnknownError, UnknownTargetError, UnknownVersionError
from packages.models import Release
from packages.upgrades import Device, Reach, Verdict, look
from packages.visibility import Viewer

NEEDED = ("distro", "version", "target", "subtarget")
LACKS = "missing parameters - need distro version target subtarget"
# A verdict may depend on several releases, whose documents come one after the other; clients wait 15 seconds (T14).
_MOST_TARGETS = 2


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: of which device, and whether newer packages of the same release are news."""

    device: Device
    wants_packages: bool
    viewer: Viewer
    said_target: str  # the device's is "" if that is no target

    @property
    def has_packages(self) -> bool:
        """Whether the device told what it has."""
        return self.device.packages is not None


@calls.taken(by_status.refused)
def update_request(call: Call) -> Answer:
    """For the first generation."""
    reading.need(call, NEEDED, LACKS)
    asked = _question(call, "packages", wants_packages="update_packages" in call.fields)
    verdict = _verdict(asked)
    return Answer(201, {}) if verdict is None else _answer(asked, verdict)


@calls.taken(by_header.refused)
def upgrade_check(call: Call) -> Answer:
    """For the second and third; `installed` is what `packages` was until 2019."""
    by_header.need(call, device=False)
    name = "installed" if call.fields.get("installed") is not None else "packages"
    wants_packages = call.fields.get("upgrade_packages") not in (None, 0, "0", "", False)
    asked = _question(call, name, wants_packages=wants_packages)
    verdict = _verdict(asked)
    if verdict is None and by_header.is_first_auc(call):
        return Answer(201, {})
    if verdict is None:
        return Answer(202, {}, {by_header.STATUS: Word.INITIALIZE.value})
    return _answer(asked, verdict)


def _question(call: Call, name: str, *, wants_packages: bool) -> _Question:
    """`name`: of the field with the device's packages."""
    revision, target = call.fields.get("revision"), reading.target_of(call.fields)
    device = Device(
        distribution=reading.distribution(call),
        version=reading.version(call),
        target=target if names.TARGET.fullmatch(target) else "",
        revision=revision if isinstance(revision, str) else "",
        packages=reading.installed(call.fields, name),
    )
    return _Question(device, wants_packages, call.viewer, target)


def _verdict(asked: _Question) -> Verdict | None:
    """None: documents that it depends on are on their way. RequestRefusedError for what we do not know."""
    device = asked.device
    verdict = partial(
        look, device, want_package_updates=asked.wants_packages, reach=Reach.DISTRIBUTION, viewer=asked.viewer
    )
    try:
        return preparing.with_documents(verdict, _MOST_TARGETS)
    except preparing.NotYetError:
        return None
    except UnknownVersionError as error:
        raise reading.unknown("version", "release", device.version) from error
    except UnknownTargetError as error:
        raise reading.unknown_target(device.distribution, asked.said_target) from error
    except UnknownError as error:
        raise reading.unknown("distro", "distribution", device.distribution) from error


def _answer(asked: _Question, verdict: Verdict) -> Answer:
    if verdict.dropped is not None and not verdict.is_newer:
        # No field: at 412 views say something of their own, at 400 they show this.
        raise RequestRefusedError(
            400,
            f"the target {verdict.target} was dropped after {verdict.dropped.newest_with}: no release up to "
            f"{verdict.dropped.newest} has it any more",
        )
    if not (verdict.has_news or _is_snapshot(asked.device, verdict)):
        return Answer(204, {})
    body: dict[str, object] = {"version": verdict.version}
    if asked.has_packages:
        updates = {name: list(versions) for name, versions in verdict.updates.items()}
        body |= {"packages": list(verdict.packages or ()), "updates": updates, "upgrades": updates}
    return Answer(200, body)


def _is_snapshot(device: Device, verdict: Verdict) -> bool:
    """Whether the device runs a snapshot without having told which: it may always be newer."""
    if device.revision:
        return False
    rows = Release.objects.filter(distribution__name=verdict.distribution, version__iexact=verdict.version)
    return any(row.is_snapshot for row in rows.select_related("channel"))
