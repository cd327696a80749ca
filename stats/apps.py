"""Django's handle on this app."""

from django.apps import AppConfig


class StatsConfig(AppConfig):
    """See the app's modules."""

    name = "stats"
