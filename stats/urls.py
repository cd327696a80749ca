"""The addresses for whoever watches the server."""

from django.urls import path

from stats import health

app_name = "stats"

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
