"""From a spec to images: the ImageBuilder, the packages, the build. What an agent does under a lease."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from builders import drive, feeds, imagebuilder
from builders.failures import cancelled, from_mirror, from_os
from builders.runners.sandbox import best_runner
from builders.runners.workdir import disk_full, free_bytes
from builders.spec import BuildResult, BuildSpec
from builders.states import Phase
from packages.exceptions import MirrorError


def build(
    spec: BuildSpec, out: Path, report: Callable[[Phase, int | None], None], go_on: Callable[[], bool]
) -> BuildResult:
    """Build one image into `out`; afterwards it holds exactly the files of the result.

    Reports each phase in order, with percent where they are known, and asks `go_on` all along: False ends the work.
    Raises BuildFailedError.
    """

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
        with imagebuilder.ensure(spec, runner, report, go_on) as tree:
            if not go_on():
                raise cancelled()
            with feeds.prepare(spec, tree, runner, report, go_on) as feed_set:
                enter(Phase.BUILDING_IMAGE)
                return drive.build_image(spec, tree, feed_set, runner, out, go_on)
    except MirrorError as error:
        raise from_mirror(error) from error
    except OSError as error:
        raise from_os(error) from error
