"""What can go wrong with builds, besides a build that fails (`builders.spec.BuildFailedError`)."""


class HashCollisionError(Exception):
    """Two different specs with one hash. Nobody may ever be answered with another's image."""

    def __init__(self, spec_hash: str) -> None:
        super().__init__(f"Another build is already known by the hash {spec_hash}.")
        self.spec_hash = spec_hash
