"""What is told of releases and changes from before `seen_at`, `noted_at` and `awaits_decision` were kept.

The columns came with the time of the upgrade and with False. So feeds said of ten years of releases that they were new
that day, and who approves new releases by hand was never asked again about those that waited.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import migrations
from django.db.models import Max, Min

from packages.versions import version_key

_LONG_AGO = datetime(2016, 1, 1, tzinfo=UTC)  # before any release that ImageBuilders of today's mirrors are from
_BRANCH = re.compile(r"([0-9]{2})\.(0[1-9]|1[0-2])(?![0-9])")  # 24.10 was branched in October 2024


def mend(apps: Any, schema_editor: Any) -> None:
    """Those rows are the ones that share the earliest time; a row that came later has its own."""
    releases, changes = (apps.get_model("packages", name).objects for name in ("Release", "PackageChange"))
    old = _sharing_the_first(releases.all(), "seen_at")
    # Some were disabled by hand, which is not told apart from waiting: one question too many, and nothing is offered.
    waiting = old.filter(is_enabled=False, vanished_at=None, is_manual=False)
    waiting.filter(distribution__enables_new_releases=False).update(awaits_decision=True)
    dates: dict[int, dict[str, datetime]] = {}
    for distribution in list(old.values_list("distribution", flat=True).order_by().distinct()):
        dates[distribution] = _date_releases(old.filter(distribution=distribution))
    for change in list(_sharing_the_first(changes.all(), "noted_at")):
        of_place = [
            at
            for version, at in dates.get(change.distribution_id, {}).items()
            if change.version and (version == change.version or version.startswith(f"{change.version}."))
        ]
        change.noted_at = min(of_place, default=_LONG_AGO)
        change.save(update_fields=["noted_at"])


def _sharing_the_first(rows: Any, field: str) -> Any:
    first = rows.aggregate(at=Min(field))["at"]
    found = rows.filter(**{field: first})
    return found if found.count() > 1 else rows.none()


def _date_releases(rows: Any) -> dict[str, datetime]:
    """Each by when it was built, else by its branch, in the order of versions; returned by version."""
    found: dict[str, datetime] = {}
    last, branch = _LONG_AGO, None
    for row in sorted(rows.annotate(built=Max("targets__source_date_epoch")), key=lambda row: version_key(row.version)):
        match = _BRANCH.match(row.version)
        if match and match[0] != branch:
            branch, last = match[0], datetime(2000 + int(match[1]), int(match[2]), 1, tzinfo=UTC)
        # A second apart at least: feeds show those of one time in no order.
        at = datetime.fromtimestamp(row.built, UTC) if row.built and row.built > 0 else last + timedelta(seconds=1)
        last = found[row.version] = row.seen_at = min(at, row.seen_at)
        row.save(update_fields=["seen_at"])
    return found


class Migration(migrations.Migration):
    dependencies = [("packages", "0013_first_seen")]

    operations = [migrations.RunPython(mend, migrations.RunPython.noop)]
