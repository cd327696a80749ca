"""What the maintainer's pages of the catalogue have in common."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from packages import deciding
from packages.deciding import announce
from packages.models import Synced

# Lists and words of packages: a line or two each.
SHORT_TEXTS: dict[Any, Any] = {
    models.JSONField: {"widget": forms.Textarea(attrs={"rows": 2, "cols": 80})},
    models.TextField: {"widget": forms.Textarea(attrs={"rows": 3, "cols": 80})},
}


@admin.display(description=_("copy of the mirror"))
def copy_state(row: Synced) -> str:
    """Whether the copy is what the mirror has."""
    if row.stale_since:
        return gettext("stale since %(time)s") % {"time": f"{row.stale_since:%Y-%m-%d %H:%M}"}
    if row.synced_at:
        return gettext("as of %(time)s") % {"time": f"{row.synced_at:%Y-%m-%d %H:%M}"}
    return gettext("name only")


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


class OffIndex:
    """Has pages, and is reached from those of what it belongs to: the first page of the admin is long enough."""

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {}


class ReadOnly:
    """Rows that the program makes, never a hand: to look at."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class Switchable(Announcing):
    """Lists of rows with `is_enabled` that little hangs on."""

    @admin.action(description=_("Enable: offer them again"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        self._switch(request, queryset, True)

    @admin.action(description=_("Disable: refuse requests for them"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, queryset: "QuerySet[Any]", is_enabled: bool) -> None:
        rows = list(queryset)
        changed = deciding.switch(queryset.model._default_manager.filter(pk__in=[row.pk for row in rows]), is_enabled)
        entry = "Enabled." if is_enabled else "Disabled."
        LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, entry)  # type: ignore[arg-type]
        sentence = gettext("Enabled: %(count)d.") if is_enabled else gettext("Disabled: %(count)d.")
        messages.success(request, sentence % {"count": changed})
