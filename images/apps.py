"""Django's handle on this app."""

from django.apps import AppConfig


class ImagesConfig(AppConfig):
    """See the app's modules."""

    name = "images"
