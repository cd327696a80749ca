"""Rows of our own: what was counted, and what went wrong."""

from stats.models.counts import DailyCount, PeriodCount
from stats.models.incidents import Incident, IncidentUpdate

__all__ = ["DailyCount", "Incident", "IncidentUpdate", "PeriodCount"]
