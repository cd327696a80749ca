"""What the maintainer's pages of the catalogue have in common."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from packages import generation
from packages.models import Release, Synced, Target
from packages.sync import flavours

# Lists and words of packages: a line or two each.
SHORT_TEXTS: dict[Any, Any] = {
    models.JSONField: {"widget": forms.Textarea(attrs={"rows": 2, "cols": 80})},
    models.TextField: {"widget": forms.Textarea(attrs={"rows": 3, "cols": 80})},
}


@admin.display(description="state")
def copy_state(row: Synced) -> str:
    """Whether the copy is what the mirror has."""
    if row.stale_since:
        return f"stale since {row.stale_since:%Y-%m-%d %H:%M}"
    return f"as of {row.synced_at:%Y-%m-%d %H:%M}" if row.synced_at else "name only"


def announce() -> None:
    """What is changed by hand shows at once: flavours follow, and answers made before are dropped."""
    flavours.derive_all()
    generation.bump()


class Announcing:
    """What is changed by hand shows at once, when the admin's transaction is in."""

    def save_model(self, request: HttpRequest, obj: object, form: object, change: bool) -> None:
        super().save_model(request, obj, form, change)  # type: ignore[misc]
        transaction.on_commit(announce)

    def delete_model(self, request: HttpRequest, obj: object) -> None:
        super().delete_model(request, obj)  # type: ignore[misc]
        transaction.on_commit(announce)

    def delete_queryset(self, request: HttpRequest, queryset: object) -> None:
        super().delete_queryset(request, queryset)  # type: ignore[misc]
        transaction.on_commit(announce)


class ReadOnly:
    """Rows that the program makes, never a hand: to look at."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class Switchable(Announcing):
    """Lists of rows with `is_enabled`."""

    @admin.action(description="Enable: offer them again", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: "QuerySet[Release]") -> None:
        self._switch(request, queryset, True)

    @admin.action(description="Disable: refuse requests for them", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: "QuerySet[Release]") -> None:
        self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, queryset: "QuerySet[Release]", is_enabled: bool) -> None:
        # A row disabled by hand is the maintainer's: a sync that finds it again does not enable it.
        by_hand = {"vanished_at": None} if queryset.model in (Release, Target) else {}
        changed = queryset.update(is_enabled=is_enabled, **by_hand)
        announce()
        messages.success(request, f"{'Enabled' if is_enabled else 'Disabled'}: {changed}.")
