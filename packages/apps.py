"""Django's handle on this app."""

from django.apps import AppConfig


class PackagesConfig(AppConfig):
    """See the app's modules."""

    name = "packages"
