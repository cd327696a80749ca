"""The addresses of feeds and webhooks, below /news/."""

from django.urls import path
from django.urls.resolvers import URLPattern

from news.views import feeds, webhooks

app_name = "news"

urlpatterns: list[URLPattern] = [
    path("webhooks/", webhooks.make, name="webhooks"),
    path("webhooks/<str:token>/", webhooks.webhook, name="webhook"),
    path("webhooks/<str:token>/<str:act>", webhooks.act, name="act"),
    path("<slug:distribution>.atom", feeds.distribution_feed, name="distribution"),
    path("<slug:distribution>/<str:target>/<str:subtarget>/<str:profile>.atom", feeds.device_feed, name="device"),
]
