"""What can go wrong with builds, besides a build that fails (`builders.spec.BuildFailedError`)."""

from builders.spec import BuildFailedError
from builders.states import Reason


class HashCollisionError(Exception):
    """Two different specs with one hash. Nobody may ever be answered with another's image."""

    def __init__(self, spec_hash: str) -> None:
        super().__init__(f"Another build is already known by the hash {spec_hash}.")
        self.spec_hash = spec_hash


def cancelled(end: BuildFailedError | None = None) -> BuildFailedError:
    """The failure of a build that a maintainer cancelled; `end` is how it died of that, for its log."""
    sentence = "The build was cancelled by a maintainer. Ask again later."
    if end is None:
        return BuildFailedError(Reason.CANCELLED, sentence)
    return BuildFailedError(Reason.CANCELLED, sentence, stdout=end.stdout, stderr=end.stderr, build_cmd=end.build_cmd)
