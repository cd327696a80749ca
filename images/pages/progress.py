"""How far an image is that is not there yet: its place in the queue, its phases, what the build says."""

from dataclasses import dataclass
from functools import cached_property

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, ngettext

from builders import livelog, waiting
from builders.models import Build
from builders.states import OPEN, Phase, State
from builders.waiting import Forecast
from images import polls
from images.models import ImageRequest
from images.pages.logs import last_lines

LIVE_TAIL = 4 * 1024
LIVE_LINES = 24

_PHASE_WORDS: dict[Phase, Promise] = {
    Phase.INIT: gettext_lazy("getting ready"),
    Phase.DOWNLOAD_IMAGEBUILDER: gettext_lazy("downloading the ImageBuilder"),
    Phase.UNPACK_IMAGEBUILDER: gettext_lazy("unpacking the ImageBuilder"),
    Phase.CALCULATE_PACKAGES_HASH: gettext_lazy("fetching packages"),
    Phase.BUILDING_IMAGE: gettext_lazy("building the image"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """A station on the way of a build: done, current or still to come."""

    words: str
    state: str  # "done" | "now" | "todo"


class Progress:
    """Of one request that waits or is being built."""

    def __init__(self, request: ImageRequest) -> None:
        self.request = request
        self.build: Build | None = request.build

    @property
    def is_pending(self) -> bool:
        """Whether it is worth another look in a moment."""
        if self.build is None:
            return self.request.status == ImageRequest.Status.PREPARING
        return self.build.state in OPEN

    @property
    def is_building(self) -> bool:
        return self.build is not None and self.build.state == State.BUILDING

    @cached_property
    def forecast(self) -> Forecast | None:
        """Its place in the queue, and how long that will take."""
        if self.build is None or self.build.state != State.QUEUED:
            return None
        polls.noticed(self.build.pk)  # somebody looks at its page: it is wanted
        return waiting.of(self.build)

    @property
    def place(self) -> str:
        """The same as a sentence."""
        forecast = self.forecast
        if forecast is None or self.build is None:
            return ""
        if forecast.position:
            ahead = ngettext("%(count)d ahead of it", "%(count)d ahead of it", forecast.position)
            ahead %= {"count": forecast.position}
        else:
            ahead = gettext("It is next")
        if forecast.seconds is None:
            words = gettext("%(ahead)s, but no worker for %(target)s is there just now; it waits for one.")
            return words % {"ahead": ahead, "target": self.build.target}
        if not forecast.seconds:
            return f"{ahead}."
        return gettext("%(ahead)s; it begins in about %(time)s.") % {"ahead": ahead, "time": in_words(forecast.seconds)}

    @property
    def phase(self) -> Phase | None:
        """Of a running build."""
        return Phase(self.build.phase or Phase.INIT) if self.build is not None and self.is_building else None

    @property
    def steps(self) -> list[Step]:
        """The phases of a build, for as long as it is under way."""
        if self.build is None or self.build.state not in OPEN:
            return []
        now = self.phase
        steps, state = [Step(gettext("queued"), "done" if now else "now")], "done" if now else "todo"
        for phase in Phase:
            if phase == now:
                state = "todo"
                progress = f" {self.build.progress} %" if self.build.progress is not None else ""
                steps.append(Step(f"{_PHASE_WORDS[phase]}{progress}", "now"))
            else:
                steps.append(Step(str(_PHASE_WORDS[phase]), state))
        return steps

    @property
    def percent(self) -> int | None:
        """Of the present phase, where it is told."""
        return self.build.progress if self.build is not None and self.is_building else None

    @property
    def heading(self) -> str:
        """What happens just now."""
        if self.build is None:
            if self.request.echo.get("repositories"):
                return gettext("Reading what the mirror and the repositories can give")
            return gettext("Reading what the mirror can give")
        return gettext("Being built") if self.is_building else gettext("In the queue")

    @property
    def announcement(self) -> str:
        """What a screen reader hears when it changes: no figures that change every second."""
        phase = self.phase
        return f"{self.heading}: {_PHASE_WORDS[phase]}" if phase else self.heading

    @property
    def elapsed(self) -> str:
        """Since it was begun, or since it waits, as `1:05`."""
        since = self.request.created_at
        if self.build is not None:
            since = (self.build.started_at if self.is_building else None) or self.build.queued_at
        seconds = max(0, int((timezone.now() - since).total_seconds()))
        minutes, rest = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

    @property
    def live_log(self) -> str:
        """The last lines of what a running build says."""
        if self.build is None or not self.is_building:
            return ""
        data, _ = livelog.read(self.build.pk, self.build.epoch, offset=-LIVE_TAIL, most=LIVE_TAIL)
        return last_lines(data, characters=LIVE_TAIL, lines=LIVE_LINES)


def in_words(seconds: float) -> str:
    """A time to wait: `40 seconds`, `12 minutes`, `1.5 hours`."""
    if seconds < 90:
        count = round(seconds)
        return ngettext("%(count)d second", "%(count)d seconds", count) % {"count": count}
    if seconds < 5400:
        count = round(seconds / 60)
        return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}
    return gettext("%(hours).1f hours") % {"hours": seconds / 3600}
