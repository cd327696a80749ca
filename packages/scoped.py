"""What roles mean in each list and page of the admin. The backoffice puts `Scoped` in front of every class it is given.

Operators pass untouched. Everybody else is given the rows that are there for them, may change those that are theirs,
and is offered nothing that names a private row: not in forms, filters, actions, inlines, pages of one's own or entries
of the log. What changes something without an entry in the log gets one.
"""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import BaseModelAdmin, InlineModelAdmin
from django.contrib.admin.utils import flatten, get_fields_from_path, unquote
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls.resolvers import URLPattern
from django.utils.text import capfirst
from django.utils.translation import gettext

from packages import audit, reach, roles

_STOCK = ("_changelist", "_add", "_change", "_delete", "_history")
_ROW = ("pk", "object_id", "id")  # how addresses call the row that they are about


def _is_operator(request: HttpRequest) -> bool:
    return roles.standing_of(request.user).is_operator


class _Limited(BaseModelAdmin):  # type: ignore[type-arg]
    """For lists and inlines."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return roles.only_seen(request.user, super().get_queryset(request))

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        """The choices of a field: what is seen; and what decides whose the row is, only of one's own."""
        rows = super().get_field_queryset(db, db_field, request)
        if _is_operator(request):
            return rows
        if rows is None:
            rows = db_field.remote_field.model._default_manager.all()
        condition = roles.theirs if self._decides(db_field) else roles.seen
        return rows.filter(condition(request.user, rows.model))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A moment is typed into two fields; each says what it is."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, AdminSplitDateTime):
            date, time = field.widget.widgets
            date.attrs["aria-label"] = gettext("%(field)s: date") % {"field": field.label}
            time.attrs["aria-label"] = gettext("%(field)s: time") % {"field": field.label}
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and self._decides(db_field) and not _is_operator(request):
            field.required = True  # empty would be: of all
        return field

    def _decides(self, db_field: Any) -> bool:
        known = reach.of(self.model)
        if known is None or not known.is_owned:
            return False
        name: str = db_field.name
        return name == (known.distribution.partition("__")[0] or "distributions")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        known = reach.of(self.model)
        if known is None or not known.for_operators or _is_operator(request):
            return fields
        return (*fields, *(name for name in known.for_operators if name not in fields))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without fields that name a row which is not there for this person."""
        fieldsets = super().get_fieldsets(request, obj)
        hidden = set() if obj is None or _is_operator(request) else _hidden_fields(request, obj)
        if not hidden:
            return fieldsets
        return [(title, {**options, "fields": _without(options["fields"], hidden)}) for title, options in fieldsets]


def _hidden_fields(request: HttpRequest, row: Model) -> set[str]:
    found = set()
    for field in (*row._meta.fields, *row._meta.many_to_many):
        model = field.related_model
        if not isinstance(model, type) or reach.of(model) is None:
            continue
        if field.many_to_many:
            named = getattr(row, field.name).all()
            if named.exclude(roles.seen(request.user, model)).exists():
                found.add(field.name)
        elif (other := getattr(row, field.name)) is not None and not roles.sees(request.user, other):
            found.add(field.name)
    return found


def _without(fields: Any, hidden: set[str]) -> list[Any]:
    return [name for name in fields if not hidden.intersection(flatten([name]))]


def _labelled(base: Any) -> Any:
    class Labelled(base):  # type: ignore[misc]
        def add_fields(self, form: Any, index: int | None) -> None:
            super().add_fields(form, index)
            for field in form.fields.values():
                if not field.widget.is_hidden:
                    field.widget.attrs.setdefault("aria-label", str(field.label or ""))

    Labelled.__name__ = base.__name__
    return Labelled


class ScopedInline(_Limited, InlineModelAdmin):  # type: ignore[type-arg]
    """Rows on the page of another: who may change that one may change them."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and _is_told(request, self.model)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and self._is_theirs(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_theirs(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._is_theirs(request, obj)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Each field says what it is: in tables only the column's head does, which screen readers do not connect."""
        return _labelled(super().get_formset(request, obj, **kwargs))

    def _is_theirs(self, request: HttpRequest, parent: Any) -> bool:
        return _is_told(request, self.model) and (parent is None or roles.may_change(request.user, parent))


class SeenOnly(admin.RelatedFieldListFilter):
    """A filter by rows of another model, of which those are offered that are there for the person."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        ordering = self.field_admin_ordering(field, request, model_admin)
        condition = roles.seen(request.user, field.remote_field.model)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=condition)


class Scoped(_Limited, admin.ModelAdmin):  # type: ignore[type-arg]
    """See the module."""

    # -- permissions ---------------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and _is_told(request, self.model)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_there = obj is None or roles.sees(request.user, obj)
        return super().has_view_permission(request, obj) and _is_told(request, self.model) and is_there

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and _is_told(request, self.model) and self._has_any(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_theirs(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._is_theirs(request, obj)

    def _is_theirs(self, request: HttpRequest, obj: Any) -> bool:
        if not _is_told(request, self.model):
            return False
        return self._has_any(request) if obj is None else roles.may_change(request.user, obj)

    def _has_any(self, request: HttpRequest) -> bool:
        """Whether anything of this kind may be this person's."""
        standing, known = roles.standing_of(request.user), reach.of(self.model)
        return standing.is_operator or bool(known and (not known.is_owned or standing.distributions))

    # -- the list ------------------------------------------------------------------------------------------

    def get_list_filter(self, request: HttpRequest) -> Any:
        found = super().get_list_filter(request)
        return found if _is_operator(request) else [each for each in map(self._narrowed, found) if each]

    def _narrowed(self, spec: Any) -> Any:
        """A filter that offers nothing private; None where that is not known."""
        if isinstance(spec, type):
            return spec if getattr(spec, "is_scoped", False) else None
        name, kind = spec if isinstance(spec, tuple) else (spec, None)
        if kind is not None:
            return spec if kind is admin.EmptyFieldListFilter else None
        field: Any = get_fields_from_path(self.model, name)[-1]
        if field.is_relation:
            return (name, SeenOnly) if reach.of(field.related_model) else None
        is_plain = field.choices or isinstance(field, models.BooleanField | models.DateField)
        return spec if is_plain else None

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        """What is changed in the list itself says what it is, too."""
        return _labelled(super().get_changelist_formset(request, **kwargs))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        # What it is a list of, as the menu calls it; not what to do with it.
        called = getattr(self.admin_site, "called", None)
        found.title = called(self.model) if called else capfirst(str(self.opts.verbose_name_plural))
        if not _is_operator(request):
            found.list_editable = ()  # the list has rows of others too
        return found

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *more: Any) -> HttpResponse | None:
        """Actions are for one's own rows; each leaves entries in the log."""
        mine = queryset
        if not _is_operator(request):
            mine = queryset.filter(roles.theirs(request.user, self.model))
            ids = _ids(request)
            if left := queryset.filter(pk__in=ids).count() - mine.filter(pk__in=ids).count():
                self.message_user(request, f"{left} left alone: not yours to change.", messages.WARNING)
        before = audit.last()
        name = request.POST.get("action", "")
        notes_itself = name == "delete_selected" or self._notes_itself
        chosen_rows = [] if notes_itself else self._chosen(request, mine)
        answer = super().response_action(request, mine, *more)
        is_done = answer is None or answer.status_code == 302
        if name and chosen_rows and is_done and not audit.wrote_since(before, request.user):
            title = str(dict(self.get_action_choices(request)).get(name, name))
            audit.note(request.user, chosen_rows, f"{title.partition(':')[0]}.")
        return answer

    @property
    def _notes_itself(self) -> bool:
        """Whether all that the list does is in the log already. Where it left all alone there is nothing to note."""
        return bool(getattr(self, "notes_itself", False))  # the class behind this one says so

    def _chosen(self, request: HttpRequest, rows: QuerySet[Any]) -> list[Any]:
        if request.POST.get("select_across") == "1":
            return list(rows[:1000])
        return list(rows.filter(pk__in=_ids(request))[:1000])

    # -- pages ---------------------------------------------------------------------------------------------

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [_scoped_inline(each) for each in super().get_inlines(request, obj)]

    def parts_of(self, request: HttpRequest, row: Any) -> Any:
        """Of a live page: no buttons for whoever may not press them."""
        parts = super().parts_of(request, row)  # type: ignore[misc]
        if "buttons" in parts and not roles.may_change(request.user, row):
            parts["buttons"] = ""
        return parts

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        message: Any = super().construct_change_message(request, form, formsets, add)
        return message if add else audit.with_values(message, form)

    def get_urls(self) -> list[URLPattern]:
        return [self._guarded_pattern(each) for each in super().get_urls()]

    def _guarded_pattern(self, pattern: URLPattern) -> URLPattern:
        is_stock = (pattern.name or "").endswith(_STOCK)
        return URLPattern(
            pattern.pattern, self._watched(pattern.callback, is_stock), pattern.default_args, pattern.name
        )

    def _watched(self, view: Callable[..., HttpResponse], is_stock: bool) -> Callable[..., HttpResponse]:
        """Whatever a page does: its row is there for the person, and theirs if something is sent."""

        @functools.wraps(view)
        def watched(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not self.admin_site.has_permission(request):
                return view(request, *args, **kwargs)  # which sends them to sign in
            row = self._row_of(request, kwargs)
            if not is_stock and row is None and any(name in kwargs for name in _ROW):
                raise Http404
            if request.method != "POST":
                return view(request, *args, **kwargs)
            if row is not None and not roles.may_change(request.user, row):
                raise PermissionDenied
            before = audit.last()
            answer = view(request, *args, **kwargs)
            if row is not None and not is_stock and answer.status_code == 302 and not self._notes_itself:
                self._note_unless_noted(request, row, before)
            return answer

        return watched

    def _row_of(self, request: HttpRequest, kwargs: dict[str, Any]) -> Any:
        key = next((str(kwargs[name]) for name in _ROW if name in kwargs), None)
        return None if key is None else self.get_object(request, unquote(key))

    def _note_unless_noted(self, request: HttpRequest, row: Any, before: int) -> None:
        if not audit.wrote_since(before, request.user) and type(row)._default_manager.filter(pk=row.pk).exists():
            what = request.POST.get("order") or (request.resolver_match.url_name if request.resolver_match else "")
            audit.note(request.user, [row], f"Pressed: {what}."[:300])


def _ids(request: HttpRequest) -> list[int]:
    """Of the rows that were ticked, as far as these are numbers that a column takes."""
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return [int(each) for each in chosen if each.isascii() and each.isdecimal() and len(each) < 19]


def _is_told(request: HttpRequest, model: type[Model]) -> bool:
    """Whether lists of this kind are for more than operators."""
    known = reach.of(model)
    return _is_operator(request) or (known is not None and not known.is_hidden)


@functools.cache
def _scoped_inline(inline: type[Any]) -> type[Any]:
    return inline if issubclass(inline, ScopedInline) else type(inline.__name__, (ScopedInline, inline), {})


def scoped(admin_class: type[Any]) -> type[Any]:
    """The class with `Scoped` in front."""
    if issubclass(admin_class, Scoped):
        return admin_class
    return type(
        admin_class.__name__,
        (Scoped, admin_class),
        {"__module__": admin_class.__module__, "__doc__": admin_class.__doc__},
    )
