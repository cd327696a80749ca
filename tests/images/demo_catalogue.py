"""The demo distribution in the catalogue, read from its generated mirror as any other is: packages with relations,
sizes and descriptions, and devices with limits.
"""

import shutil
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Model

from packages.models import Distribution, DistributionKey, SyncRun
from packages.sync import sync_distribution
from tests.builders import demo_mirror

NEWER, OLDER = "25.04.0", "24.04.2"
TARGET, DEVICE = "demo/generic", "acme_pebble"

# The rows and indexes as the first test of this process read them: reading them anew takes seconds.
_rows: list[Model] = []
_cache: list[Path] = []


def make_demo() -> Distribution:
    """All its releases, targets and feeds."""
    if not _rows:
        _sync()
        _rows.extend(row for model in _models() for row in model._default_manager.all())
        _cache.append(settings.ASU_CACHE_DIR)
    else:
        shutil.copytree(_cache[0], settings.ASU_CACHE_DIR, dirs_exist_ok=True)
        with transaction.atomic():
            for model in _models():
                model._default_manager.bulk_create([row for row in _rows if type(row) is model], batch_size=500)
    return Distribution.objects.get(name="demo")


def _models() -> list[type[Any]]:
    """Those of the catalogue, what others point at first."""
    found = apps.get_app_config("packages").get_models(include_auto_created=True)
    return [Distribution, *(model for model in found if model not in (Distribution, SyncRun))]


def _sync() -> None:
    demo = Distribution.objects.create(name="demo", title="Demo", url=demo_mirror.mirror().as_uri(), is_hosted=True)
    demo.keys.create(kind=DistributionKey.Kind.USIGN, text=demo_mirror.public_key())
    report = sync_distribution(demo, full=True)
    assert not report.errors
