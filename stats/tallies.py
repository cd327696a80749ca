"""What is counted of an event: the names of the counters, and which of them go up. Pure.

A build that gave an image counts by release, target, device, asked package, kind of client, waiting time and build
time; one that failed by reason. Each counter belongs to a distribution, and, where only members of an organisation may
know of the build, to the organisation.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from images.client_kinds import title_of
from stats import histogram

BUILDS = "builds"  # images that were built
DOWNLOADS = "downloads"
FAILED = "failed"
RELEASE, TARGET, DEVICE, PACKAGE, CLIENT = "release", "target", "device", "package", "client"
REASON = "reason"
WAIT, TOOK = "wait", "took"  # by the buckets of `stats.histogram`
# Of the whole server, by hour (00 to 23).
BUILT_HOUR, FAILED_HOUR, QUEUE_HOUR = "built-hour", "failed-hour", "queue-hour"
# One row a day that every build's end touches first: see `stats.ledger`.
ENDS = "ends"

TOTALS = (BUILDS, FAILED, DOWNLOADS)
KEYED = (RELEASE, TARGET, DEVICE, PACKAGE, CLIENT, REASON, WAIT, TOOK)
HOURS = (BUILT_HOUR, FAILED_HOUR, QUEUE_HOUR)
OF_BUILDS = (*KEYED, BUILDS, FAILED)  # what rows of builds still tell

OTHERS = ""  # the key of all keys that are not worth a row of their own
KEY_LENGTH = 270


class Tally(NamedTuple):
    """One counter of a day."""

    name: str
    distribution: str = ""
    organisation: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a build ended, as far as it is counted."""

    at: datetime
    distribution: str
    organisation: int = 0
    reason: str = ""  # why it failed; "": it gave an image
    version: str = ""
    target: str = ""
    profile: str = ""
    packages: Collection[str] = ()  # those that were asked for besides what the device has anyway
    client: str = ""
    waited: float | None = None  # seconds in the queue; None: not known
    took: float | None = None  # seconds from lease to end

    def tallies(self) -> Counter[Tally]:
        """The counters that go up by one."""
        names = _of_failure(self) if self.reason else _of_image(self)
        found = Counter({Tally(name, self.distribution, self.organisation, key[:KEY_LENGTH]) for name, key in names})
        hour = FAILED_HOUR if self.reason else BUILT_HOUR
        return found + Counter([Tally(ENDS), Tally(hour, key=f"{self.at:%H}")])


def _of_failure(ending: Ending) -> list[tuple[str, str]]:
    return [(FAILED, ""), (REASON, ending.reason)]


def _of_image(ending: Ending) -> list[tuple[str, str]]:
    found = [(BUILDS, ""), (RELEASE, ending.version), (TARGET, ending.target), (CLIENT, title_of(ending.client))]
    found.append((DEVICE, f"{ending.target}/{ending.profile}"))
    found += [(PACKAGE, name) for name in ending.packages]
    times = ((WAIT, ending.waited), (TOOK, ending.took))
    return found + [(name, histogram.bucket(seconds)) for name, seconds in times if seconds is not None]


def asked_packages(spec: Mapping[str, Any]) -> set[str]:
    """Of a build's spec: what was added. Clients that name all that is installed do not count what is there anyway."""
    words = {word for word in spec.get("packages", ()) if not word.startswith("-")}
    return words - set(spec.get("default_packages") or ())


def organisation_of(spec: Mapping[str, Any]) -> int:
    """Of a build's spec: whose members alone may know of it; 0: everybody."""
    number = str(spec.get("owner", "")).rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
