"""Django's handle on the site."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Registers the system checks."""

    name = "asu_site"
    label = "asu_site"

    def ready(self) -> None:
        from asu_site import checks  # noqa: F401 (registers them)
