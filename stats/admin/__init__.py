"""The maintainers' side of what was counted and of what goes wrong."""

from stats.admin.counts import DailyCountAdmin
from stats.admin.incidents import IncidentAdmin

__all__ = ["DailyCountAdmin", "IncidentAdmin"]
