"""Distributions: the page from which a maintainer works, and the list of them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from packages import deciding
from packages.admin import adding, overview
from packages.admin.base import SHORT_TEXTS, copy_state
from packages.admin.deciding import DecidingAdmin, action
from packages.admin.decisions import DECISIONS, Decision
from packages.admin.flavours import DeviceInline, SeriesInline
from packages.admin.keys import KeyInline
from packages.admin.live import Parts
from packages.admin.releases import CHANNEL_DECISIONS, RELEASE_DECISIONS, SYNC, page_of
from packages.models import Channel, Distribution, Release
from packages.sync import journal, probing


def _follow_mirror(rows: "QuerySet[Distribution]") -> None:
    for row in rows:
        deciding.follow_mirror(row)


_SYNC_ALL = Decision(
    "sync-full",
    _("Sync all targets"),
    _("Also the documents of targets that nobody asked for yet. This may take long, and it fills the list of devices."),
    lambda row: True,
    lambda rows: None,
    "",
)
_FOLLOW = Decision(
    "follow",
    _("Follow the mirror again"),
    _("The stable release is what the mirror says."),
    lambda row: bool(row.chosen_stable),
    _follow_mirror,
    _("The stable release is the mirror's again: {names}."),
)
_OF_CHILDREN = {"release": (Release, RELEASE_DECISIONS), "channel": (Channel, CHANNEL_DECISIONS)}
DISTRIBUTION_DECISIONS = ("enable", "disable")


class DistributionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Folders of this machine are for hosted distributions, or for whoever has the command line."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        is_folder = str(data.get("url", "")).startswith("file://")
        if is_folder and not data.get("is_hosted") and "url" in self.changed_data:
            sentence = gettext(
                "Only a hosted distribution takes a file:// address here. Else use: manage.py add_distribution"
            )
            raise forms.ValidationError({"url": sentence})
        return data


@admin.register(Distribution)
class DistributionAdmin(DecidingAdmin):
    form = DistributionForm
    formfield_overrides = SHORT_TEXTS
    list_display = [
        "name",
        "title",
        "state_cell",
        "stable_version",
        "built_on",
        "organisation",
        "release_count",
        copy_state,
    ]
    list_filter = ["is_enabled", "is_hosted", "built_on", "organisation"]
    list_select_related = ["built_on", "organisation"]
    search_fields = ["name", "title", "url", "aliases"]
    change_form_template = "admin/packages/distribution/change_form.html"
    decisions = DISTRIBUTION_DECISIONS
    fieldsets = [
        (
            _("Name and mirror"),
            {
                "fields": [
                    *("name", "title", "aliases", "description", "contact", "url", "organisation"),
                    *("is_enabled", "is_hosted"),
                ]
            },
        ),
        (
            _("Which releases"),
            {
                "fields": ["enables_new_releases", "oldest_version", "newest_version", "successor"],
                "classes": ["collapse"],
            },
        ),
        (
            _("Flavour"),
            {
                "fields": ["built_on", "package_words", "network_profile", "offers_listed_devices_only"],
                "description": _(
                    "Built with the ImageBuilders of another distribution: save it, then add series below."
                ),
                "classes": ["collapse"],
            },
        ),
    ]
    inlines = [KeyInline, SeriesInline, DeviceInline]
    actions = ["sync_now", "enable", "disable"]
    enable, disable = action("enable"), action("disable")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Distribution]":
        rows: QuerySet[Distribution] = super().get_queryset(request)
        return rows.annotate(release_total=Count("releases"))

    def releases_of(self, rows: "QuerySet[Distribution]") -> "QuerySet[Release]":
        return Release.objects.filter(distribution__in=rows, is_enabled=True)

    @admin.display(description=_("releases"))
    def release_count(self, row: Distribution) -> int:
        return getattr(row, "release_total", 0)

    @admin.display(description=_("state"))
    def state_cell(self, row: Distribution) -> str:
        return self.part("deciding/_badges.html", badges=overview.badges_of(row))

    @admin.action(description=_("Sync now"), permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: "QuerySet[Distribution]") -> HttpResponse | None:
        runs = [self.sync(request, row) for row in queryset]
        if len(runs) == 1:
            return page_of(runs[0])
        messages.success(request, gettext("%(count)d syncs are queued: see Syncs.") % {"count": len(runs)})
        return None

    def get_inlines(self, request: HttpRequest, obj: Distribution | None) -> list[Any]:
        """Series and devices are for flavours."""
        if obj is None or obj.built_on_id is not None:
            return self.inlines
        return [KeyInline]

    # -- the page ------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        check = self.admin_site.admin_view(self._check)
        return [path("<int:pk>/check/", check, name="packages_distribution_check"), *super().get_urls()]

    def parts_of(self, request: HttpRequest, row: Distribution) -> Parts:
        may = self.has_change_permission(request, row)
        return {
            "head": self.part("distribution/_head.html", **overview.head(row, request.user)),
            "run": self.part("distribution/_run.html", run=journal.open_run(row)),
            "buttons": self.part("_choices.html", choices=self.choices(request, row) if may else ()),
        }

    def is_over(self, row: Distribution) -> bool:
        return journal.open_run(row) is None

    def choices(self, request: HttpRequest, row: Distribution) -> Any:
        follow = [_FOLLOW] if _FOLLOW.makes_sense(row) else []
        return [SYNC, _SYNC_ALL, *follow, *super().choices(request, row)]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if (row := context.get("original")) is not None:
            may = self.has_change_permission(request, row)
            context |= {"may_press": may, "title": str(row), "subtitle": None, **overview.page(row, may, request.user)}
        return super().render_change_form(request, context, *args, **kwargs)

    def press(self, request: HttpRequest, row: Distribution) -> HttpResponse | None:
        order = request.POST.get("order", "")
        if order == SYNC.name:
            return page_of(self.sync(request, row))
        if order == _SYNC_ALL.name:
            return page_of(self.sync(request, row, is_full=True))
        if order == _FOLLOW.name:
            return self.decide(request, _FOLLOW, Distribution.objects.filter(pk=row.pk))
        if ":" in order:
            return self._press_child(request, row, *order.split(":", 2))
        return super().press(request, row)

    def _press_child(
        self, request: HttpRequest, row: Distribution, kind: str, name: str = "", pk: str = ""
    ) -> HttpResponse | None:
        """A button beside one of its channels or releases: `release:hide:12`."""
        model, names = _OF_CHILDREN.get(kind, (None, ()))
        if model is None or name not in (*names, SYNC.name) or not (pk.isascii() and pk.isdecimal() and len(pk) < 19):
            return self.no_button(request)
        child: Any = model._default_manager.filter(pk=int(pk), distribution=row)
        if name == SYNC.name:
            release = child.first() if model is Release else None
            return page_of(self.sync(request, row, release=release.version)) if release else None
        owner = self.admin_site._registry[model]
        return self.decide(request, DECISIONS[name], child, asks=owner)

    # -- trying the mirror ---------------------------------------------------------------------------------

    def _check(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Try the mirror out now, at its address or another; and take over the other."""
        row: Distribution = self._row(request, pk)
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        may_move = "url" not in self.get_readonly_fields(request, row)
        form = overview.AddressForm(request.POST or None, row=row, may_move=may_move)
        finding = None
        if request.method == "POST" and form.is_valid():
            url = form.cleaned_data["url"]
            if "take" in request.POST and may_move:
                return self._take(request, row, url)
            finding = probing.probe_distribution(row, url)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Check the mirror of %(name)s") % {"name": row},
            "opts": self.opts,
            "media": self.media,
            "row": row,
            "form": form,
            "finding": finding,
        }
        return TemplateResponse(request, "admin/packages/distribution/check.html", context)

    def _take(self, request: HttpRequest, row: Distribution, url: str) -> HttpResponse:
        row.url = url
        row.save(update_fields=["url"])
        self.note(request, [row], f"Changed the address of the mirror to {url}.")
        self.message_user(
            request, gettext("The mirror is %(url)s now. A sync reads all of it anew.") % {"url": url}, messages.SUCCESS
        )
        deciding.announce()
        return page_of(self.sync(request, row))

    # -- adding --------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Guided; `?by=hand` has the form with every field, which flavours need."""
        if request.GET.get("by") == "hand" or (request.method == "POST" and "step" not in request.POST):
            return super().add_view(request, form_url, extra_context)
        if not self.has_add_permission(request):
            raise PermissionDenied
        return adding.view(self, request)
