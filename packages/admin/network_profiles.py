"""Network profiles and their files."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from packages import file_sets, network_profiles
from packages.admin.base import OffIndex, ReadOnly, Switchable
from packages.file_sets import PLAIN, File, FileSetError
from packages.models import NetworkProfile, NetworkProfileFile


class ProfileFileForm(forms.ModelForm):  # type: ignore[type-arg]
    """What stands in a file: typed in, or uploaded as it is."""

    text = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80, "spellcheck": "false"}),
        help_text=_("Lines end as Unix has it."),
    )
    upload = forms.FileField(
        required=False,
        help_text=_("In place of the text: any file as it is. Large ones: manage.py network_profile import."),
    )

    class Meta:
        model = NetworkProfileFile
        fields = ("path", "mode")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        content = bytes(self.instance.content)
        text = shown_text(content)
        self.is_text = text is not None
        self.fields["text"].initial = text or ""
        if text is None:
            self.fields["text"].help_text = gettext("%(count)d bytes, not shown here; a text takes their place.") % {
                "count": len(content)
            }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        self.instance.content = self._content(data)
        return data

    def _content(self, data: dict[str, Any]) -> bytes:
        if upload := data.get("upload"):
            return bytes(upload.read())
        if not self.is_text and not data.get("text"):
            return bytes(self.instance.content)
        # Browsers end lines in CR LF, which no shell on a router understands.
        return str(data.get("text", "")).replace("\r\n", "\n").encode()


def shown_text(content: bytes) -> str | None:
    """A file's content as the admin lets it be edited; None for what is no text, or a long one."""
    if len(content) > 32 * 1024 or b"\0" in content or b"\r" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


class ProfileFileFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """All files of a network profile together."""

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form not in self.deleted_forms and form.cleaned_data.get("path")]
        files = [
            File(form.cleaned_data["path"], form.cleaned_data.get("mode") or PLAIN, form.instance.content)
            for form in kept
        ]
        try:
            file_sets.check_set(files, **network_profiles.limits())
        except FileSetError as error:
            raise forms.ValidationError(str(error)) from error


class ProfileFileInline(admin.StackedInline):  # type: ignore[type-arg]
    model = NetworkProfileFile
    form = ProfileFileForm
    formset = ProfileFileFormSet
    fields = ("path", "mode", "text", "upload")
    extra = 1


class NetworkProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """One that is for no distribution could never be chosen."""

    class Meta:
        # One tick each: they are few, and two lists with arrows between take a mouse.
        widgets = {"distributions": forms.CheckboxSelectMultiple}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not data.get("is_general") and not data.get("distributions"):
            raise forms.ValidationError(
                {"distributions": gettext("Choose what it is for, or tick 'for every distribution'.")}
            )
        return data


@admin.register(NetworkProfile)
class NetworkProfileAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    form = NetworkProfileForm
    list_display = ["name", "title", "organisation", "is_enabled", "is_public", "file_count"]
    list_filter = ["is_enabled", "is_public", "organisation", "distributions"]
    list_select_related = ["organisation"]
    search_fields = ["name", "title", "description"]
    inlines = [ProfileFileInline]
    actions = ["enable", "disable"]
    fields = [
        *("name", "title", "description", "is_enabled", "is_public", "organisation"),
        *("is_general", "distributions", "packages"),
    ]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[NetworkProfile]":
        rows: QuerySet[NetworkProfile] = super().get_queryset(request)
        return rows.annotate(file_total=Count("files"))

    @admin.display(description=_("files"))
    def file_count(self, row: NetworkProfile) -> int:
        return getattr(row, "file_total", 0)


@admin.register(NetworkProfileFile)
class NetworkProfileFileAdmin(OffIndex, ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """To find who brings a file; they are edited with their network profile."""

    list_display = ["path", "profile", "mode"]
    list_select_related = ["profile"]
    search_fields = ["path", "profile__name"]
    fields = ["profile", "path", "mode"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[NetworkProfileFile]":
        rows: QuerySet[NetworkProfileFile] = super().get_queryset(request)
        return rows.defer("content")
