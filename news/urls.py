"""The addresses of feeds and webhooks, below /news/."""

from django.urls.resolvers import URLPattern

app_name = "news"

urlpatterns: list[URLPattern] = []
