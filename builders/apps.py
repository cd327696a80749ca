"""Django's handle on this app."""

from django.apps import AppConfig


class BuildersConfig(AppConfig):
    """See the app's modules."""

    name = "builders"
