"""Django's handle on the site."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Registers the system checks."""

    name = "asu_site"
    label = "asu_site"
