"""From a spec to images: the ImageBuilder, the packages, the build. What an agent does under a lease."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builders import drive, feeds
from builders.failures import cancelled, disk_full, from_mirror, from_os
from builders.feeds import FeedSet
from builders.imagebuilder import ImageBuilders, Tree
from builders.notes import Ledger
from builders.runners.base import Runner, Say, silent
from builders.runners.sandbox import best_runner
from builders.runners.workdir import free_bytes
from builders.sources import MirrorSources, Sources
from builders.spec import BuildResult, BuildSpec
from builders.states import Phase
from packages.conf import settings
from packages.exceptions import MirrorError

Report = Callable[[Phase, int | None], None]
GoOn = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Workshop:
    """The same on a server and on a worker that has neither Django nor a database: these two tell them apart."""

    ledger: Ledger
    sources: Sources = field(default_factory=MirrorSources)

    def build(self, spec: BuildSpec, out: Path, report: Report, go_on: GoOn, say: Say = silent) -> BuildResult:
        """Build one image into `out`; afterwards it holds exactly the files of the result.

        Reports each phase in order, with percent where they are known, and asks `go_on` all along: False ends the work.
        `say` gets what the ImageBuilder prints as it comes. Raises BuildFailedError.
        """
        with self._bench(spec, report, go_on) as (runner, tree, feed_set):
            return drive.build_image(spec, tree, feed_set, runner, out, go_on, say)

    def manifest(self, spec: BuildSpec, report: Report, go_on: GoOn = lambda: True) -> dict[str, str]:
        """What that image would hold, package name -> version, without building it. Raises BuildFailedError."""
        with self._bench(spec, report, go_on) as (runner, tree, feed_set):
            return drive.make_manifest(spec, tree, feed_set, runner, go_on)

    @property
    def imagebuilders(self) -> ImageBuilders:
        """Those that it works with."""
        return ImageBuilders(self.ledger, self.sources)

    @contextmanager
    def _bench(self, spec: BuildSpec, report: Report, go_on: GoOn) -> Iterator[tuple[Runner, Tree, FeedSet]]:
        """ImageBuilder and packages, at hand for as long as the block lasts."""

        def enter(phase: Phase) -> None:
            if not go_on():
                raise cancelled()
            report(phase, None)

        try:
            enter(Phase.INIT)
            if free_bytes(settings.ASU_DATA_DIR) < settings.ASU_MIN_FREE_MB * 2**20:
                raise disk_full()
            runner = best_runner()
            enter(Phase.DOWNLOAD_IMAGEBUILDER)
            with self.imagebuilders.ensure(spec, runner, report, go_on) as tree:
                if not go_on():
                    raise cancelled()
                with feeds.prepare(spec, tree, runner, report, go_on, self.sources) as feed_set:
                    enter(Phase.BUILDING_IMAGE)
                    yield runner, tree, feed_set
        except MirrorError as error:
            raise from_mirror(error) from error
        except OSError as error:
            raise from_os(error) from error
