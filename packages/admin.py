"""The maintainer's view: what comes from mirrors is shown, what a maintainer decides can be changed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django_q.tasks import async_task

from packages import file_sets, generation, network_profiles
from packages.file_sets import PLAIN, File, FileSetError
from packages.models import (
    AllowedRepository,
    Channel,
    Distribution,
    DistributionKey,
    Feed,
    FlavourDevice,
    NetworkProfile,
    NetworkProfileFile,
    Package,
    PackageChange,
    Profile,
    Release,
    Series,
    SeriesFeed,
    Synced,
    Target,
)
from packages.registry import RegistrationError, key_kind
from packages.sync import flavours


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


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A key that cannot be read would refuse everything: better now than at the next sync."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        try:
            found = key_kind(data.get("text", ""))
        except RegistrationError as error:
            raise forms.ValidationError({"text": str(error)}) from error
        if found != data.get("kind"):
            raise forms.ValidationError({"kind": f"This is a key of kind {found}."})
        return data


class DistributionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Folders of this machine are for hosted distributions, or for whoever has the command line."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        is_folder = str(data.get("url", "")).startswith("file://")
        if is_folder and not data.get("is_hosted") and "url" in self.changed_data:
            sentence = "Only a hosted distribution takes a file:// address here. Else use: manage.py add_distribution"
            raise forms.ValidationError({"url": sentence})
        return data


class KeyInline(admin.StackedInline):  # type: ignore[type-arg]
    model = DistributionKey
    form = KeyForm
    extra = 0


class ChannelInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Channel
    extra = 0
    fields = ["name", "is_enabled", "is_snapshot", "path", "git_branch", "branch_off_rev"]


class SeriesInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Series
    extra = 0
    fields = ["name", "is_enabled", "base_releases", "version_template"]
    show_change_link = True
    verbose_name_plural = "Series of a flavour (their feeds are on pages of their own)"


class DeviceInline(admin.TabularInline):  # type: ignore[type-arg]
    model = FlavourDevice
    extra = 0
    verbose_name_plural = "Devices of a flavour"


@admin.register(Distribution)
class DistributionAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    form = DistributionForm
    list_display = [
        *("name", "title", "url", "built_on", "organisation", "is_enabled", "is_hosted", "release_count", copy_state)
    ]
    list_filter = ["is_enabled", "is_hosted", "built_on", "organisation"]
    list_select_related = ["built_on", "organisation"]
    search_fields = ["name", "title", "url", "aliases"]
    readonly_fields = ["stable_version", "synced_at", "stale_since", "sync_error"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "title",
                    "aliases",
                    "description",
                    "contact",
                    "url",
                    "organisation",
                    "is_enabled",
                    "is_hosted",
                ]
            },
        ),
        (
            "Releases",
            {"fields": ["enables_new_releases", "oldest_version", "newest_version", "stable_version", "successor"]},
        ),
        (
            "Flavour",
            {
                "fields": ["built_on", "package_words", "network_profile", "offers_listed_devices_only"],
                "description": "Built with the ImageBuilders of another distribution: save it, then add series below.",
            },
        ),
        ("State", {"fields": ["synced_at", "stale_since", "sync_error"]}),
    ]
    inlines = [KeyInline, SeriesInline, DeviceInline, ChannelInline]
    actions = ["sync_now", "enable", "disable"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Distribution]":
        rows: QuerySet[Distribution] = super().get_queryset(request)
        return rows.annotate(release_total=Count("releases"))

    @admin.display(description="releases")
    def release_count(self, row: Distribution) -> int:
        return getattr(row, "release_total", 0)

    @admin.action(description="Sync now", permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: "QuerySet[Distribution]") -> None:
        for row in queryset:
            async_task("packages.tasks.sync_one", row.pk)
        messages.success(request, f"{len(queryset)} syncs are queued; this list shows when they are done.")


class SeriesFeedInline(admin.TabularInline):  # type: ignore[type-arg]
    model = SeriesFeed
    extra = 1


@admin.register(Series)
class SeriesAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "distribution", "base_releases", "version_template", "is_enabled"]
    list_filter = ["distribution", "is_enabled"]
    list_select_related = ["distribution"]
    inlines = [SeriesFeedInline]
    actions = ["enable", "disable"]


@admin.register(SeriesFeed)
class SeriesFeedAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "series", "path", "is_optional"]
    list_filter = ["series__distribution"]
    list_select_related = ["series__distribution"]


@admin.register(FlavourDevice)
class FlavourDeviceAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["profile", "distribution", "package_words"]
    list_filter = ["distribution"]
    list_select_related = ["distribution"]
    search_fields = ["profile"]


class ProfileFileForm(forms.ModelForm):  # type: ignore[type-arg]
    """What stands in a file: typed in, or uploaded as it is."""

    text = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80, "spellcheck": "false"}),
        help_text="Lines end as Unix has it.",
    )
    upload = forms.FileField(
        required=False,
        help_text="In place of the text: any file as it is. Large ones: manage.py network_profile import.",
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
            self.fields["text"].help_text = f"{len(content)} bytes, not shown here; a text takes their place."

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

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not data.get("is_general") and not data.get("distributions"):
            raise forms.ValidationError({"distributions": "Choose what it is for, or tick 'for every distribution'."})
        return data


@admin.register(NetworkProfile)
class NetworkProfileAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    form = NetworkProfileForm
    list_display = ["name", "title", "organisation", "is_enabled", "is_public", "file_count"]
    list_filter = ["is_enabled", "is_public", "organisation", "distributions"]
    list_select_related = ["organisation"]
    search_fields = ["name", "title", "description"]
    filter_horizontal = ["distributions"]
    inlines = [ProfileFileInline]
    actions = ["enable", "disable"]
    fields = [
        *("name", "title", "description", "is_enabled", "is_public", "organisation"),
        *("is_general", "distributions", "packages"),
    ]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[NetworkProfile]":
        rows: QuerySet[NetworkProfile] = super().get_queryset(request)
        return rows.annotate(file_total=Count("files"))

    @admin.display(description="files")
    def file_count(self, row: NetworkProfile) -> int:
        return getattr(row, "file_total", 0)


@admin.register(NetworkProfileFile)
class NetworkProfileFileAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """To find who brings a file; they are edited with their network profile."""

    list_display = ["path", "profile", "mode"]
    list_select_related = ["profile"]
    search_fields = ["path", "profile__name"]
    fields = ["profile", "path", "mode"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[NetworkProfileFile]":
        rows: QuerySet[NetworkProfileFile] = super().get_queryset(request)
        return rows.defer("content")


@admin.register(DistributionKey)
class DistributionKeyAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    form = KeyForm
    list_display = ["distribution", "kind", "comment", "is_enabled"]
    list_filter = ["distribution", "kind", "is_enabled"]
    list_select_related = ["distribution"]


@admin.register(AllowedRepository)
class AllowedRepositoryAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["address", "distribution", "key_count", "is_inside_allowed", "is_enabled", "comment"]
    list_filter = ["distribution", "is_enabled"]
    list_select_related = ["distribution"]
    search_fields = ["address", "comment"]
    actions = ["enable", "disable"]

    @admin.display(description="keys")
    def key_count(self, row: AllowedRepository) -> str:
        return str(len(row.key_list)) if row.keys.strip() else "of the request"


@admin.register(Channel)
class ChannelAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "distribution", "is_enabled", "is_snapshot", "path", "git_branch", "branch_off_rev"]
    list_filter = ["distribution", "is_enabled"]
    list_select_related = ["distribution"]
    search_fields = ["name"]
    actions = ["enable", "disable"]


@admin.register(PackageChange)
class PackageChangeAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["before", "after", "kind", "version", "revision", "is_mandatory", "distribution"]
    list_filter = ["distribution", "kind", "is_mandatory", "version"]
    list_select_related = ["distribution"]
    search_fields = ["sources", "targets", "why"]
    fields = ["distribution", "kind", "sources", "targets", "version", "revision", "is_mandatory", "why"]

    @admin.display(description="before")
    def before(self, row: PackageChange) -> str:
        return ", ".join(row.sources) or "-"

    @admin.display(description="after")
    def after(self, row: PackageChange) -> str:
        return ", ".join(row.targets) or "-"


@admin.register(Release)
class ReleaseAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["version", "distribution", "channel", "is_enabled", "is_manual", "target_count", copy_state]
    list_filter = ["distribution", "is_enabled", "is_manual", ("stale_since", admin.EmptyFieldListFilter), "channel"]
    list_select_related = ["distribution", "channel__distribution"]
    search_fields = ["version"]
    readonly_fields = ["vanished_at", "synced_at", "stale_since", "sync_error"]
    actions = ["sync_now", "enable", "disable"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Release]":
        rows: QuerySet[Release] = super().get_queryset(request)
        return rows.annotate(target_total=Count("targets"))

    @admin.display(description="targets")
    def target_count(self, row: Release) -> int:
        return getattr(row, "target_total", 0)

    @admin.action(description="Sync now", permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: "QuerySet[Release]") -> None:
        for row in queryset:
            async_task("packages.tasks.sync_one", row.distribution_id, row.version)
        messages.success(request, f"{len(queryset)} syncs are queued; this list shows when they are done.")


@admin.register(Target)
class TargetAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "version", "arch_packages", "version_code", "is_enabled", "is_ready", copy_state]
    list_filter = ["release__distribution", "is_enabled", "needs_inspection", "package_manager", "release__version"]
    list_select_related = ["release__distribution"]
    search_fields = ["name", "release__version", "arch_packages"]
    actions = ["complete_now", "enable", "disable"]
    fields = [
        *("release", "name", "is_enabled", "is_manual", "needs_inspection", "arch_packages", "version_code"),
        *("package_manager", "imagebuilder_file", "imagebuilder_sha256", "default_packages", "linux_kernel"),
        *("state_hash", "synced_at", "stale_since", "sync_error", "vanished_at"),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Target | None = None) -> list[str]:
        """A new one is typed in; of an existing one the mirror decides everything but the switches."""
        free = {"is_enabled", "is_manual"} if obj else {"is_enabled", "is_manual", "release", "name"}
        return [name for name in self.fields if isinstance(name, str) and name not in free]

    @admin.display(ordering="release__version")
    def version(self, row: Target) -> str:
        return f"{row.release.distribution.name} {row.release.version}"

    @admin.display(boolean=True, description="complete")
    def is_ready(self, row: Target) -> bool:
        return row.is_complete

    @admin.action(description="Read their documents now", permissions=["change"])
    def complete_now(self, request: HttpRequest, queryset: "QuerySet[Target]") -> None:
        for row in queryset:
            async_task("packages.tasks.complete", row.pk)
        messages.success(request, f"{len(queryset)} targets are queued.")


@admin.register(Profile)
class ProfileAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "title", "target"]
    list_filter = ["target__release__distribution", "target__release__version"]
    list_select_related = ["target__release__distribution"]
    search_fields = ["name", "titles", "target__name"]
    show_full_result_count = False


@admin.register(Feed)
class FeedAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "kind", "release", "path", "format", copy_state]
    list_filter = ["release__distribution", "kind", "format", "release__version"]
    list_select_related = ["release__distribution"]
    search_fields = ["name", "path"]


@admin.register(Package)
class PackageAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["full_name", "version", "section", "size", "feed"]
    list_filter = ["feed__release__distribution", "feed__release__version"]
    list_select_related = ["feed__release__distribution"]
    search_fields = ["name", "full_name"]
    show_full_result_count = False
