"""The people who work here: an account with a role in one step; a one-time link lets the person choose a password."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse, reverse_lazy
from django.urls.resolvers import URLPattern
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from packages import audit, roles
from packages.models import Distribution, Maintainership, SignInTrouble
from packages.roles import GROUPS, Role

_DAYS = settings.PASSWORD_RESET_TIMEOUT // (24 * 3600)


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """A name, a role, and what a maintainer looks after."""

    role = forms.ChoiceField(
        label=_("Role"),
        choices=Role.choices,
        initial=Role.MAINTAINER,
        widget=forms.RadioSelect,
        help_text=_("What it may do here."),
    )
    distributions = forms.ModelMultipleChoiceField(
        Distribution.objects.all(),
        label=_("Distributions"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Of a maintainer: those that it looks after. It sees what is private to their organisations."),
    )

    class Meta:
        model = User
        fields = ("username", "first_name", "is_active")
        field_classes = {"username": UsernameField}
        labels = {"first_name": _("Name"), "username": _("Account")}
        help_texts = {
            "is_active": _("Without it the person cannot sign in. Accounts are not deleted: the audit names them.")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None or "role" not in self.fields:
            return
        role = roles.role_of(self.instance)
        if role is None:
            self.fields["role"].choices = [("", gettext("permissions of its own")), *Role.choices]  # type: ignore[attr-defined]
            self.fields["role"].required = False
        self.initial["role"] = role or ""
        self.initial["distributions"] = Distribution.objects.filter(maintainerships__user=self.instance)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("role") == Role.MAINTAINER and not data.get("distributions"):
            raise forms.ValidationError({"distributions": gettext("Choose what it looks after.")})
        others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=self.instance.pk)
        stays = data.get("role") == Role.OPERATOR and data.get("is_active", True)
        if self.instance.pk and self.instance.is_superuser and not stays and not others.exists():
            raise forms.ValidationError(gettext("This is the last operator: make another one first."))
        return data


admin.site.unregister(User)
admin.site.unregister(Group)  # a role is chosen on the person's page


@admin.register(User)
class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]
    form = add_form = PersonForm
    add_form_template = None
    list_display = ("username", "first_name", "role", "looks_after", "is_active", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")
    search_fields = ("username", "first_name")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "first_name", "is_active")}),
        (_("Role"), {"fields": ("role", "distributions")}),
        (_("State"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "first_name", "role", "distributions")}),)
    readonly_fields = ("last_login", "date_joined")
    change_form_template = "admin/person.html"

    class Media:
        css = {"all": ["admin-farm.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request)
        rows = rows.exclude(username__in=audit.NOBODIES)
        return rows.prefetch_related("groups", "maintainerships__distribution")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Their entries in the audit would go with them."""
        return False

    @admin.display(description=_("role"))
    def role(self, person: User) -> str:
        role = roles.role_of(person)
        return role.value if role else gettext("permissions of its own")

    @admin.display(description=_("looks after"))
    def looks_after(self, person: User) -> str:
        return ", ".join(str(each.distribution) for each in person.maintainerships.all())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        role = form.cleaned_data.get("role")
        if not change:
            obj.set_unusable_password()
        if role:
            obj.is_staff, obj.is_superuser = True, role == Role.OPERATOR
        super().save_model(request, obj, form, change)
        if role:
            obj.groups.set(Group.objects.filter(name=GROUPS.get(role, "")))
            _look_after(obj, form.cleaned_data["distributions"] if role == Role.MAINTAINER else ())

    # -- the one-time link ---------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        link = path("<int:pk>/link/", self.admin_site.admin_view(require_POST(self.make_link)), name="auth_user_link")
        return [link, *super().get_urls()]

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        return self._told(request, obj)

    def make_link(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new one, for who forgot the password or let the first one pass."""
        person = self.get_object(request, str(pk))
        if person is None or not self.has_change_permission(request, person):
            raise PermissionDenied
        audit.note(request.user, [person], "Made a one-time link to choose a password.")
        return self._told(request, person)

    def _told(self, request: HttpRequest, person: User) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("One-time link for %(name)s") % {"name": person.get_username()},
            "opts": self.opts,
            "media": self.media,
            "person": person,
            "link": one_time_link(request, person),
            "days": _DAYS,
        }
        return TemplateResponse(request, "admin/person_told.html", context)


def one_time_link(request: HttpRequest, person: User) -> str:
    """Good until the password is chosen, or the days are over."""
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    place = reverse("admin:welcome", args=[uid, default_token_generator.make_token(person)])
    return f"{settings.ASU_BASE_URL}{place}" if settings.ASU_BASE_URL else request.build_absolute_uri(place)


def _look_after(person: User, distributions: Any) -> None:
    wanted = {each.pk for each in distributions}
    Maintainership.objects.filter(user=person).exclude(distribution__in=wanted).delete()
    rows = [Maintainership(user=person, distribution_id=pk) for pk in wanted]
    Maintainership.objects.bulk_create(rows, ignore_conflicts=True)


class WelcomeView(PasswordResetConfirmView):
    """Where a one-time link leads: choose a password, then sign in."""

    template_name = "admin/welcome.html"
    reset_url_token = "choose"  # noqa: S105 (a word of the address)
    success_url = reverse_lazy("admin:login")

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        SignInTrouble.objects.filter(user=self.user).delete()
        person: Any = self.user
        audit.note(person, [person], "Chose a password by a one-time link.")
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            **admin.site.each_context(self.request),
            "is_nav_sidebar_enabled": False,
        }


@admin.register(SignInTrouble)
class SignInTroubleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who failed to sign in lately. To let somebody in earlier, delete the row."""

    list_display = ("__str__", "kind", "count", "tried_at", "blocked_until")
    list_display_links = None
    list_filter = ("kind", ("blocked_until", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    list_per_page = 50
    show_full_result_count = False
    actions = ("lift",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.action(description=_("Let them try again at once"), permissions=["delete"])
    def lift(self, request: HttpRequest, rows: QuerySet[SignInTrouble]) -> None:
        audit.note(request.user, list(rows[:1000]), "Lifted: may try again.")
        rows.delete()
        self.message_user(request, gettext("They may try again at once."))
