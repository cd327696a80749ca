"""Asks an ImageBuilder about itself, for releases whose mirrors publish no JSON documents (up to 18.06)."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from builders import carried, drive, tree_facts
from builders.failures import from_os
from builders.imagebuilder import ImageBuilders
from builders.runners.base import Runner
from builders.spec import BuildFailedError, BuildSpec
from builders.states import Phase, Reason
from packages.exceptions import BadDocumentError
from packages.parsing import make_info
from packages.parsing.types import Inspection


def inspect(
    spec: BuildSpec,
    imagebuilders: ImageBuilders,
    runner: Runner,
    report: Callable[[Phase, int | None], None] = lambda phase, percent: None,
    go_on: Callable[[], bool] = lambda: True,
) -> Inspection:
    """Profiles, default packages, and the packages that the archive carries. Sets the ImageBuilder up if need be.

    Of `spec` only the ImageBuilder and what it is for are used. Raises BuildFailedError.
    """
    try:
        with imagebuilders.ensure(spec, runner, report, go_on) as tree:
            report(Phase.CALCULATE_PACKAGES_HASH, None)
            said = make_info.parse(drive.make_info(tree, runner, go_on))
            facts = tree_facts.read(tree)
            packages = carried.entries(tree.path)
    except BadDocumentError as error:
        raise BuildFailedError(Reason.BAD_ARCHIVE, f"The ImageBuilder cannot be read. {error}") from error
    except OSError as error:
        raise from_os(error) from error
    return replace(
        said,
        version_code=said.version_code or facts.revision,
        packages=packages,
        arch_packages=facts.arch_packages or _most_common(entry.architecture for entry in packages),
    )


def _most_common(architectures: Iterable[str]) -> str:
    counts = Counter(name for name in architectures if name not in ("", "all", "noarch"))
    return counts.most_common(1)[0][0] if counts else ""
