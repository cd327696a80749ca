"""Queue entries; the services do the work. Each may run twice."""

from stats import room_use


def measure() -> None:
    """Now and then: what takes the room on the disks."""
    room_use.measure()
