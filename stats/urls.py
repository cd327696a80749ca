"""The addresses for whoever watches the server."""

from django.urls import path

from stats import health, incidents, metrics, pages, status, status_page

app_name = "stats"

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("status.json", status.status_json),
    path("status/", status_page.status_page, name="status"),
    path("status/incidents.atom", incidents.incidents_feed, name="incidents-feed"),
    path("incidents/<str:number>/", incidents.incident, name="incident"),
    path("statistics/", pages.statistics, name="statistics"),
    path("statistics/<slug:slug>.csv", pages.chart_csv, name="chart-csv"),
    path("statistics/<slug:slug>.json", pages.chart_json, name="chart-json"),
]
