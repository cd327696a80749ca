"""Which rows are whose: see `packages.reach`."""

from packages.reach import ALL, Reach, tell


def tell_all() -> None:
    """Called when the apps are ready."""
    tell(
        stats_dailycount=Reach(name="distribution", number="organisation"),
        stats_periodcount=Reach(name="distribution", number="organisation"),
        # Without a distribution it is everybody's to see, and operators' to write.
        stats_incident=Reach(distribution="distribution", may=ALL),
        stats_incidentupdate=Reach(distribution="incident__distribution", may=ALL),
    )
