"""Where the apps are mounted."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver
from django.views.generic import RedirectView

from builders.api.files import worker_file

# People first, then programs; a distribution's name is tried last, and never equals one of the names above
# (packages.names.RESERVED).
urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=f"/{settings.STATIC_URL.strip('/')}/favicon.svg")),
    path("api/worker/v1/", include("builders.api.urls")),
    path("worker/asu-worker.pyz", worker_file),
    path("", include("stats.urls")),
    path("news/", include("news.urls")),
    path("", include("images.urls")),
    path("", include("images.api.urls")),
    path("<slug:distribution>/", include("images.api.urls")),
    path("", include("images.api.upstream_urls")),
]
