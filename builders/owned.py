"""Which rows are whose: see `packages.reach`."""

from packages.reach import CHANGE, Reach, tell


def tell_all() -> None:
    """Called when the apps are ready."""
    tell(
        builders_build=Reach(name="distribution", organisation="request__organisation", may=CHANGE),
        builders_attempt=Reach(name="build__distribution", organisation="build__request__organisation"),
        builders_worker=Reach(),
        builders_jointoken=Reach(),
        builders_imagebuilder=Reach(name="distribution"),
    )
