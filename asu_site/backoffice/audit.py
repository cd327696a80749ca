"""The audit: every entry of the log, newest first. It never counts, and goes on from the last entry it showed."""

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse

from builders.shown import visible
from packages import audit

ON_A_PAGE = 50
_MOST_PEOPLE = 500
_NUMBER = re.compile(r"[0-9]{1,18}")
_FILTERS = {"person": "user_id", "kind": "action_flag", "type": "content_type_id"}


@admin.register(LogEntry)
class AuditAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To read. Its pages are made for a million entries, so the list is one of our own."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = list(_asked_for(request.GET)[: ON_A_PAGE + 1])
        entries, chosen = found[:ON_A_PAGE], _chosen(request.GET)
        context = {
            **self.admin_site.each_context(request),
            "title": "Audit",
            "opts": self.opts,
            "entries": [_shown(entry) for entry in entries],
            "older": _address(chosen, before=entries[-1].pk) if len(found) > ON_A_PAGE else "",
            "is_first": "before" not in request.GET,
            "newest": _address(chosen),
            "people": get_user_model().objects.order_by("username")[:_MOST_PEOPLE],
            "kinds": audit.KINDS.items(),
            "types": _types(),
            "chosen": chosen,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/audit.html", context)


def _asked_for(query: QueryDict) -> QuerySet[LogEntry]:
    rows = LogEntry.objects.select_related("user", "content_type").order_by("-pk")
    for name, value in _chosen(query).items():
        rows = rows.filter(**{_FILTERS[name]: int(value)}) if name in _FILTERS else rows.filter(object_id=value)
    before = query.get("before", "")
    return rows.filter(pk__lt=int(before)) if _NUMBER.fullmatch(before) else rows


def _chosen(query: QueryDict) -> dict[str, str]:
    """The filters that were chosen and make sense."""
    found = {name: query.get(name, "") for name in _FILTERS}
    found = {name: value for name, value in found.items() if _NUMBER.fullmatch(value)}
    if found.get("kind", "0")[5:]:
        del found["kind"]  # no column takes such a number
    if "type" in found and (row := query.get("object", "")) and row.isprintable():
        found["object"] = row[:100]
    return {name: value for name, value in found.items() if name != "type" or len(value) < 10}


def _address(chosen: dict[str, str], **more: int) -> str:
    query = QueryDict(mutable=True)
    query.update({**chosen, **{name: str(value) for name, value in more.items()}})
    return f"?{query.urlencode()}"


def _types() -> list[ContentType]:
    """Of what the backoffice has lists of."""
    models = [model for model, _ in admin.site._registry.items()]
    found = ContentType.objects.get_for_models(*models)
    return sorted(found.values(), key=lambda each: each.name)


def _shown(entry: LogEntry) -> dict[str, Any]:
    values = audit.values_of(entry)
    return {
        "entry": entry,
        "who": visible(entry.user.get_username()),
        "is_nobody": entry.user.get_username() in audit.NOBODIES,
        "kind": audit.KINDS.get(entry.action_flag, ""),
        "object": visible(entry.object_repr),
        "url": entry.get_admin_url() if entry.action_flag in (1, 2) else None,
        "message": visible(entry.get_change_message()),
        "values": [(name, *map(visible, both)) for name, both in values.items() if len(both) == 2],
    }
