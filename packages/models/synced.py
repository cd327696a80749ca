"""What is kept about a copy of something on a mirror."""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Synced(models.Model):
    """What is kept about a copy of something on a mirror.

    `stale_since` is set when the last try failed and says since when: the rows still hold the last good state.
    """

    synced_at = models.DateTimeField(_("last good look"), null=True, blank=True, editable=False)
    stale_since = models.DateTimeField(_("mirror fails since"), null=True, blank=True, editable=False)
    sync_error = models.TextField(_("what failed"), blank=True, editable=False)
    # For conditional requests: document name -> ETag; "trust" names the mirror and the keys that they were read under.
    etags = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        abstract = True


def mark_synced(row: Synced, at: datetime) -> None:
    """The copy is what the mirror has; the caller saves."""
    row.synced_at, row.stale_since, row.sync_error = at, None, ""


def mark_stale(row: Synced, at: datetime, error: str) -> dict[str, Any]:
    """The mirror failed; keep the copy and remember since when. Returns the fields changed."""
    row.stale_since = row.stale_since or at
    row.sync_error = error[:2000]
    return {"stale_since": row.stale_since, "sync_error": row.sync_error}
