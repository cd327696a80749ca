"""Django's handle on news."""

from django.apps import AppConfig


class NewsConfig(AppConfig):
    """What is new for a distribution, or for one device and its packages: feeds to read, and calls that we make."""

    name = "news"
