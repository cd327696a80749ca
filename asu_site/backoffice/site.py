"""The backoffice: Django's admin with the house's face, grouped by what people do; `today` is its first page."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern, URLResolver
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from asu_site.backoffice import known_browsers
from asu_site.backoffice.sign_in import SignInForm
from packages import roles
from packages.scoped import scoped

# What people do, and the models they do it with, in that order. A model that is not named stands with its app's others.
GROUPS: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (
        _("Catalogue"),
        "packages",
        (
            *("distribution", "syncrun", "channel", "release", "target", "packagechange", "networkprofile"),
            *("allowedrepository", "distributionkey", "series", "profile", "listeddevice", "flashlimit", "feed"),
            "package",
        ),
    ),
    (_("Requests and images"), "images", ("builders.build", "image", "imagefile", "imagerequest")),
    (_("Farm"), "builders", ("worker", "jointoken", "attempt", "imagebuilder")),
    (
        _("People and access"),
        "auth",
        ("user", "packages.organisation", "images.clienttoken", "packages.signintrouble"),
    ),
    (
        _("Watching"),
        "stats",
        ("admin.logentry", "stats.dailycount", "stats.incident", "news.subscription", "news.delivery"),
    ),
    (_("Chores"), "django_q", ()),
)
# Names that say what people look for there.
_TITLES = {
    "auth.user": _("People"),
    "admin.logentry": _("Audit"),
    "builders.imagebuilder": _("ImageBuilders"),
    "packages.syncrun": _("Syncs"),
}
_LIVE_SECONDS = 3


class Backoffice(admin.AdminSite):
    """`admin.site`: everything registers as it does with Django's own."""

    site_url = "/"
    index_title = _("Today")
    index_template = "admin/today.html"
    login_form = SignInForm
    enable_nav_sidebar = True

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: "type[admin.ModelAdmin[Any]] | None" = None,
        **options: Any,
    ) -> None:
        """Behind the roles, whoever registers: see `packages.scoped`."""
        super().register(model_or_iterable, scoped(admin_class or admin.ModelAdmin), **options)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        name = settings.ASU_SITE_NAME or gettext("Firmware on demand")
        names = {"site_header": name, "site_title": name}
        return {**super().each_context(request), **names, "role": _role_of(request)}

    def called(self, model: type[Model]) -> str:
        """A list, in the menu and on its page."""
        return str(_TITLES.get(model._meta.label_lower) or capfirst(str(model._meta.verbose_name_plural)))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        # Not at the top: it registers people, with this site.
        from asu_site.backoffice.people import WelcomeView

        return [
            path("today/live/", self.admin_view(require_safe(self.today_live)), name="today_live"),
            path("welcome/<uidb64>/<token>/", WelcomeView.as_view(), name="welcome"),
            *super().get_urls(),
        ]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND and request.user.is_authenticated:
            known_browsers.remember(request, response, request.user.get_username())
        return response

    # -- the first page ------------------------------------------------------------------------------------

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        more = {
            "parts": _today(request),
            "live_url": reverse("admin:today_live"),
            "live_seconds": _LIVE_SECONDS,
            "press_url": "",
        }
        return super().index(request, {**more, **(extra_context or {})})

    def today_live(self, request: HttpRequest) -> JsonResponse:
        """What `static/admin-live.js` asks for."""
        return JsonResponse({"parts": _today(request), "again": True})

    # -- the menu ------------------------------------------------------------------------------------------

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """By what people do; the page of one app by its models, as Django has it."""
        if app_label is not None:
            return super().get_app_list(request, app_label)
        models = {
            f"{app['app_label']}.{model['object_name'].lower()}": (model, app)
            for app in super().get_app_list(request)
            for model in app["models"]
        }
        for name, title in _TITLES.items():
            if name in models:
                models[name][0]["name"] = title
        groups = [self._group(title, label, names, models) for title, label, names in GROUPS]
        rest = [self._group(app["name"], app["app_label"], (), models) for _, app in list(models.values())]
        return [group for group in (*groups, *rest) if group["models"]]

    def _group(
        self, title: Any, label: str, names: tuple[str, ...], models: dict[str, tuple[Any, Any]]
    ) -> dict[str, Any]:
        """Takes its models out of those that are left."""
        wanted = [name if "." in name else f"{label}.{name}" for name in names]
        elsewhere = {name if "." in name else f"{app}.{name}" for _, app, others in GROUPS for name in others} - set(
            wanted
        )
        wanted += [name for name in models if name.startswith(f"{label}.") and name not in (*wanted, *elsewhere)]
        found = [models.pop(name)[0] for name in wanted if name in models]
        return {"name": title, "app_label": label, "app_url": "", "has_module_perms": True, "models": found}


def _today(request: HttpRequest) -> dict[str, Any]:
    # Not at the top: it brings the admins of the apps, which register with this site.
    from stats import today

    return {**today.parts(request)}


def _role_of(request: HttpRequest) -> str:
    user: Any = request.user
    role = roles.role_of(user) if user.is_authenticated else None
    return role.value if role else ""
