"""The addresses for whoever watches the server."""

from django.urls import path

from stats import health, metrics, status

app_name = "stats"

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("status.json", status.status_json),
    path("status/", status.status_page, name="status"),
]
