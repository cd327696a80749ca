"""What became of packages between releases: typed in as words, suggested by comparing, carried as JSON."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from packages import change_suggestions, impact, roles
from packages.admin.base import Announcing
from packages.deciding import announce
from packages.models import Distribution, PackageChange, Release
from packages.versions import version_key

MAX_JSON = 1024 * 1024  # bytes
_COMPARED = 60  # releases to choose from


class Names(forms.CharField):
    """Package names as people write them, with blanks or commas between; or as JSON has them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False, widget=forms.TextInput(attrs={"size": 60, "spellcheck": "false"}), max_length=5000, **kwargs
        )

    def prepare_value(self, value: Any) -> Any:
        return " ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        text = str(super().to_python(value) or "").strip()
        if text.startswith("["):
            try:
                found = json.loads(text)
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, list):
                return found
        return text.replace(",", " ").split()

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))

    def validate(self, value: Any) -> None:
        """The model says what fits the kind."""

    def run_validators(self, value: Any) -> None:
        super().run_validators(" ".join(map(str, value)))


class ChangeForm(forms.ModelForm):  # type: ignore[type-arg]
    """The sides as words."""

    sources = Names(label=_("Before"), help_text=_("Names before, with blanks between, e.g. firewall."))
    targets = Names(label=_("From then on"), help_text=_("Names from then on, e.g. firewall4. Of a dropped one: none."))

    class Meta:
        model = PackageChange
        fields = ("distribution", "kind", "sources", "targets", "version", "revision", "is_mandatory", "why")


class OwnForm(forms.Form):
    """About a distribution that is the person's own."""

    distribution = forms.ModelChoiceField(Distribution.objects.none())

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["distribution"]
        field.queryset = self.to_choose_from().filter(roles.theirs(user, Distribution))

    def to_choose_from(self) -> "QuerySet[Distribution]":
        """Of everybody's."""
        return Distribution.objects.all()


class CompareForm(OwnForm):
    """Two releases of a distribution."""

    before = forms.CharField(max_length=64)
    after = forms.CharField(max_length=64)

    def to_choose_from(self) -> "QuerySet[Distribution]":
        return Distribution.objects.filter(built_on=None)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        for name in ("before", "after"):
            rows = Release.objects.select_related("distribution").filter(distribution=data.get("distribution"))
            release = rows.filter(version=data.get(name, "")).first()
            if name in data and release is None:
                self.add_error(name, gettext("There is no such release here."))
            data[f"{name}_release"] = release
        return data


class ImportForm(OwnForm):
    """Changes as the export of another server gives them."""

    file = forms.FileField(help_text=_("JSON, as Export gives it."))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_JSON:
            raise forms.ValidationError(gettext("That is more than a megabyte: no list of package changes."))
        try:
            return json.loads(file.read())
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(gettext("This is no JSON.")) from error


@admin.register(PackageChange)
class PackageChangeAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    form = ChangeForm
    list_display = ["before", "after", "kind", "place", "is_mandatory", "distribution"]
    list_filter = ["distribution", "version", "kind", "is_mandatory"]
    list_select_related = ["distribution"]
    search_fields = ["sources", "targets", "why"]
    fields = ["distribution", "kind", "sources", "targets", "version", "revision", "is_mandatory", "why", "effect"]
    readonly_fields = ["effect"]
    change_list_template = "admin/packages/packagechange/change_list.html"

    class Media:
        css = {"all": ["admin-farm.css", "admin-catalogue.css"]}

    @admin.display(description=_("before"))
    def before(self, row: PackageChange) -> str:
        return ", ".join(row.sources) or "-"

    @admin.display(description=_("from then on"))
    def after(self, row: PackageChange) -> str:
        return ", ".join(row.targets) or "-"

    @admin.display(description=_("first in"), ordering="version")
    def place(self, row: PackageChange) -> str:
        return row.as_change().where

    @admin.display(description=_("What it does"))
    def effect(self, row: Any) -> SafeString:
        """Of a change that is saved: to whom, and how many asked for it lately."""
        if row.pk is None:
            return SafeString(gettext("Save it, and this tells what it does."))
        wished = impact.wished_for(row.distribution.name, row.sources or row.targets)
        context = {"row": row, "place": row.as_change().where, "wished": wished, "recent": impact.RECENT}
        return SafeString(render_to_string("admin/packages/packagechange/_effect.html", context))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        for sentence in doubts(obj):
            self.message_user(request, sentence, messages.WARNING)

    # -- more pages ----------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        return [
            path("suggestions/", guard(self._suggestions), name="packages_packagechange_suggestions"),
            path("export/", guard(require_safe(self._export)), name="packages_packagechange_export"),
            path("import/", guard(require_POST(self._import)), name="packages_packagechange_import"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        exportable = roles.only_seen(request.user, Distribution.objects.all())
        more = {"import_form": ImportForm(request.user), "exportable": exportable}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def _export(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = request.GET.get("distribution", "").replace("\0", "")
        rows = self.get_queryset(request).filter(distribution__name=name)
        answer = JsonResponse(change_suggestions.as_json(rows), safe=False, json_dumps_params={"indent": 1})
        answer["Content-Disposition"] = 'attachment; filename="package-changes.json"'
        return answer

    def _import(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.user, request.POST, request.FILES)
        if not form.is_valid():
            for sentences in form.errors.values():
                self.message_user(request, " ".join(map(str, sentences)), messages.ERROR)
        else:
            self._take(request, form.cleaned_data["distribution"], form.cleaned_data["file"])
        return HttpResponseRedirect(reverse("admin:packages_packagechange_changelist"))

    def _take(self, request: HttpRequest, distribution: Distribution, entries: Any) -> None:
        try:
            added = change_suggestions.take_json(distribution, entries)
        except change_suggestions.ImportRefusedError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        self.log_change(request, distribution, f"Imported {added} package changes.")
        self.message_user(
            request, gettext("%(count)d added; the others were here already.") % {"count": added}, messages.SUCCESS
        )

    def _suggestions(self, request: HttpRequest) -> HttpResponse:
        """What vanished between two releases; accepted or ignored one by one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        asked = request.GET if request.method in ("GET", "HEAD") else request.POST
        form = CompareForm(request.user, asked or None)
        found: list[change_suggestions.Suggestion] | None = None
        if asked and form.is_valid():
            data = form.cleaned_data
            if request.method == "POST":
                return self._answer(request, data)
            found = change_suggestions.vanished(data["before_release"], data["after_release"])
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("What vanished between two releases"),
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "asked": asked,
            "choices": _choices(form.fields["distribution"]),
            "count": len(found or ()),
            "found": found[: change_suggestions.MOST] if found is not None else None,
        }
        return TemplateResponse(request, "admin/packages/packagechange/suggestions.html", context)

    def _answer(self, request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
        """`renamed:old:new`, `dropped:old` or `ignore:old`."""
        what, _, rest = request.POST.get("answer", "").partition(":")
        name, _, becomes = rest.partition(":")
        after: Release = data["after_release"]
        if name not in {row.name for row in change_suggestions.vanished(data["before_release"], after)}:
            self.message_user(request, gettext("There is no such suggestion any more."), messages.ERROR)
        elif what == "ignore":
            change_suggestions.ignore(after.distribution, name)
            self.log_change(request, after.distribution, f"Ignored the suggestion for {name}.")
        elif what in ("renamed", "dropped"):
            self._accept(request, after, name, becomes if what == "renamed" else "")
        query = f"distribution={after.distribution_id}&before={data['before']}&after={data['after']}"
        return HttpResponseRedirect(f"{reverse('admin:packages_packagechange_suggestions')}?{query}")

    def _accept(self, request: HttpRequest, after: Release, name: str, becomes: str) -> None:
        try:
            row = change_suggestions.accept(after, name, becomes)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return
        self.log_addition(request, row, "Accepted a suggestion.")
        self.message_user(request, gettext("Added: %(name)s") % {"name": row}, messages.SUCCESS)
        transaction.on_commit(announce)


def doubts(row: PackageChange) -> list[str]:
    """What the catalogue says against a change: it may still be right, as not every feed is here."""
    if not row.version:
        return []
    return [
        gettext("There is no %(name)s among the packages of %(release)s that are known here. Is it right?")
        % {"name": name, "release": f"{row.distribution} {row.version}"}
        for name in row.targets
        if change_suggestions.is_known(row.distribution, row.version, name) is False
    ]


def _choices(field: Any) -> list[tuple[Distribution, list[str]]]:
    """What the field offers, with the releases whose packages were read, newest first."""
    rows = Release.objects.filter(feeds__isnull=False, distribution__in=field.queryset).select_related("distribution")
    found: dict[Distribution, list[str]] = {}
    for release in rows.distinct():
        found.setdefault(release.distribution, []).append(release.version)
    return [
        (distribution, sorted(versions, key=version_key, reverse=True)[:_COMPARED])
        for distribution, versions in found.items()
    ]
