"""Where the apps are mounted."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver

# People first, then programs; a distribution's name is tried last, and never equals one of the names above
# (packages.names.RESERVED).
urlpatterns: list[URLPattern | URLResolver] = [path("admin/", admin.site.urls)]
for prefix, module in (
    ("", "images.urls"),
    ("", "images.api.urls"),
    ("<slug:distribution>/", "images.api.urls"),
    ("", "packages.urls"),
):
    if find_spec(module):
        urlpatterns.append(path(prefix, include(module)))
