"""Public keys that distributions sign with."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from packages.admin.base import Announcing
from packages.key_names import fingerprint
from packages.models import DistributionKey
from packages.registry import RegistrationError, key_kind


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A key that cannot be read would refuse everything: better now than at the next sync."""

    def clean_text(self) -> str:
        # Browsers end lines in CR LF, and a key file's last line end is stripped: both are no part of a key.
        return "\n".join(self.cleaned_data["text"].splitlines()) + "\n"

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        try:
            found = key_kind(data.get("text", ""))
        except RegistrationError as error:
            raise forms.ValidationError({"text": str(error)}) from error
        if found != data.get("kind"):
            raise forms.ValidationError({"kind": gettext("This is a key of kind %(kind)s.") % {"kind": found}})
        return data


class KeyInline(admin.StackedInline):  # type: ignore[type-arg]
    model = DistributionKey
    form = KeyForm
    extra = 0
    fields = ["kind", "text", "fingerprint", "comment", "is_enabled"]
    readonly_fields = ["fingerprint"]

    @admin.display(description=_("fingerprint"))
    def fingerprint(self, row: DistributionKey) -> str:
        return fingerprint(row.kind, row.text)


@admin.register(DistributionKey)
class DistributionKeyAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    form = KeyForm
    list_display = ["fingerprint", "kind", "distribution", "comment", "is_enabled"]
    list_filter = ["distribution", "kind", "is_enabled"]
    list_select_related = ["distribution"]
    search_fields = ["comment", "text"]
    fields = ["distribution", "kind", "text", "fingerprint", "comment", "is_enabled"]
    readonly_fields = ["fingerprint"]

    @admin.display(description=_("fingerprint"))
    def fingerprint(self, row: DistributionKey) -> str:
        return fingerprint(row.kind, row.text) or "unreadable"
