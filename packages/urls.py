"""Addresses of hosted mirrors: below /<distribution>/, and at the root for the default distribution."""

from django.urls import re_path

from packages import views

app_name = "packages"

_PATH = r"(?P<path>(?:releases|snapshots)/.+|\.versions\.json)"

urlpatterns = [
    re_path(rf"^{_PATH}$", views.document, name="default-document"),
    re_path(rf"^(?P<distribution>[a-z0-9][a-z0-9-]*)/{_PATH}$", views.document, name="document"),
]
