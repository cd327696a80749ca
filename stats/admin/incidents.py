"""Incidents: what maintainers tell people."""

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from stats.models import Incident, IncidentUpdate


class UpdateInline(admin.StackedInline):  # type: ignore[type-arg]
    """What became known later."""

    model = IncidentUpdate
    extra = 0
    fields = (("at", "text"),)


@admin.display(description=_("state"), boolean=False)
def state(row: Incident) -> str:
    """Whether it lasts."""
    if row.started_at > timezone.now():
        return gettext("planned")
    return gettext("open") if row.is_open else gettext("over")


@admin.display(description=_("from, to"), ordering="started_at")
def lasted(row: Incident) -> SafeString:
    """When it began, and when it ended."""
    end = f"{row.ended_at:%Y-%m-%d %H:%M}" if row.ended_at else gettext("it lasts")
    return format_html('<span class="farm-when">{}</span><br>{}', f"{row.started_at:%Y-%m-%d %H:%M}", end)


@admin.display(description=_("told by"))
def told_by(row: Incident) -> str:
    """A person, or the server itself."""
    return gettext("the server") if row.cause else gettext("a maintainer")


@admin.register(Incident)
class IncidentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("title", state, "severity", "distribution", lasted, told_by)
    list_filter = ("severity",)
    list_select_related = ("distribution",)
    search_fields = ("title",)
    date_hierarchy = "started_at"
    inlines = (UpdateInline,)
    actions = ("end",)

    class Media:
        css = {"all": ["admin-farm.css"]}

    fieldsets = (
        (
            None,
            {
                "description": _(
                    "Shown on the status page at once, and on top of all pages while it lasts unless it is a notice. "
                    "Other processes notice within ten seconds."
                ),
                "fields": ("title", "text", "severity", "distribution"),
            },
        ),
        (_("When"), {"fields": ("started_at", "ended_at")}),
    )

    def formfield_for_dbfield(self, db_field: object, request: HttpRequest, **kwargs: object) -> forms.Field | None:
        """Text of a few lines."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[arg-type]
        if field is not None and getattr(db_field, "name", "") == "text":
            field.widget.attrs["rows"] = 4
        return field

    def view_on_site(self, obj: Incident) -> str:
        """Its public page."""
        return reverse("stats:incident", args=[obj.pk])

    @admin.action(description="End: it is over now", permissions=["change"])
    def end(self, request: HttpRequest, queryset: QuerySet[Incident]) -> None:
        """For those that last."""
        count = 0
        for row in queryset.filter(ended_at__isnull=True):
            row.ended_at = timezone.now()
            row.save(update_fields=["ended_at"])
            self.log_change(request, row, "Ended.")
            count += 1
        messages.success(request, f"Ended: {count}.")
