"""The ledger of a server: where each ImageBuilder stands, in rows that the admin shows."""

from typing import Any

from django.utils import timezone

from builders.models import ImageBuilder
from builders.notes import Standing, percent
from builders.spec import BuildSpec
from builders.states import Phase

Status = ImageBuilder.Status


class DatabaseLedger:
    """See `builders.notes.Ledger`."""

    def downloading(self, spec: BuildSpec, done: int, total: int) -> None:
        """See Ledger."""
        _note(spec, status=Status.DOWNLOADING, error="", downloaded_bytes=done, total_bytes=total)

    def unpacking(self, spec: BuildSpec, size: int) -> None:
        """See Ledger."""
        _note(spec, status=Status.UNPACKING, error="", downloaded_bytes=size, total_bytes=size)

    def ready(self, spec: BuildSpec, disk_bytes: int) -> None:
        """See Ledger."""
        now = timezone.now()
        _note(spec, status=Status.READY, error="", disk_bytes=disk_bytes, ready_at=now, last_used_at=now)

    def used(self, spec: BuildSpec) -> None:
        """See Ledger."""
        _note(spec, status=Status.READY, error="", last_used_at=timezone.now())

    def failed(self, spec: BuildSpec, sentence: str, *, is_broken: bool) -> None:
        """See Ledger."""
        status = Status.BROKEN if is_broken else Status.ABSENT
        _note(spec, status=status, error=sentence, disk_bytes=0, ready_at=None)

    def gone(self, sha256: str) -> None:
        """See Ledger."""
        ImageBuilder.objects.filter(sha256=sha256).update(
            status=Status.ABSENT, disk_bytes=0, ready_at=None, downloaded_bytes=0
        )

    def look(self, sha256: str) -> Standing | None:
        """See Ledger."""
        return _standing(ImageBuilder.objects.filter(sha256=sha256).first())

    def there(self) -> list[str]:
        """See Ledger."""
        busy = (Status.DOWNLOADING, Status.UNPACKING, Status.READY)
        return list(ImageBuilder.objects.filter(status__in=busy).values_list("sha256", flat=True))


def look_for(distribution: str, version: str, target: str) -> Standing | None:
    """How far the ImageBuilder of a target is that is being set up here; None when none is."""
    of_target = ImageBuilder.objects.filter(distribution=distribution, version__iexact=version, target=target)
    return _standing(of_target.filter(status__in=(Status.DOWNLOADING, Status.UNPACKING)).first())


def _standing(row: ImageBuilder | None) -> Standing | None:
    if row and row.status == Status.DOWNLOADING:
        return Phase.DOWNLOAD_IMAGEBUILDER, percent(row.downloaded_bytes, row.total_bytes)
    if row and row.status == Status.UNPACKING:
        return Phase.UNPACK_IMAGEBUILDER, None
    return None


def _note(spec: BuildSpec, **values: Any) -> None:
    about = {
        "distribution": spec.distribution,
        "version": spec.version,
        "target": spec.target,
        "url": spec.imagebuilder.url,
    }
    sha256 = spec.imagebuilder.sha256
    if not ImageBuilder.objects.filter(sha256=sha256).update(**values):
        ImageBuilder.objects.update_or_create(sha256=sha256, defaults={**about, **values})
