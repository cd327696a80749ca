"""Which rows are whose: see `packages.reach`."""

from packages.reach import Reach, tell


def tell_all() -> None:
    """Called when the apps are ready."""
    tell(stats_dailycount=Reach(name="distribution"))
