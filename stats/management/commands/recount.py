"""Counts builds again from their rows."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from packages import audit
from stats import periods, recount


class Command(BaseCommand):
    """See `stats.recount`."""

    help = (
        "Count builds again from their rows, day by day: for builds of before there were counters, or when counters "
        "were lost. Counters that know more than the rows stay. Downloads are not counted again: no row tells of them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How far back."""
        parser.add_argument("--days", type=int, default=0, help="only the last DAYS days (default: from the first on)")
        parser.add_argument(
            "--anew", action="store_true", help="make the counters what the rows tell, also where that is less"
        )

    def handle(self, *args: Any, days: int, anew: bool, **options: Any) -> None:
        """Says what it changed."""
        today = timezone.now().date()
        start = today - timedelta(days=days - 1) if days > 0 else recount.first_day() or today
        earlier = recount.earlier_lives()
        changed = 0
        for number in range((today - start).days + 1):
            day = start + timedelta(days=number)
            changed += recount.day(day, earlier.get(day), anew=anew)
            if (today - day).days > periods.WHOLE_FOR:
                periods.shorten(day)
        for period in periods.PERIODS:
            periods.remake(period, today - timedelta(days=1))
        said = f"Counted from {start} to {today}; {changed} groups of counters changed."
        if changed:
            audit.of_server(f"recount{', anew' if anew else ''}: {said}")
        self.stdout.write(said)
