"""Addresses of a download server's documents: below /<distribution>/, and at the root for the default distribution."""

from django.urls import re_path

from images.api import upstream

_PATH = r"(?P<path>(?:releases|snapshots)/.+|\.versions\.json)"

urlpatterns = [
    re_path(rf"^{_PATH}$", upstream.document),
    re_path(rf"^(?P<distribution>[a-z0-9][a-z0-9-]*)/{_PATH}$", upstream.document),
]
