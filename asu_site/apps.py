"""Django's handle on the site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class BackofficeConfig(AdminConfig):
    """Django's admin, with the site's own frame."""

    default_site = "asu_site.backoffice.site.Backoffice"


class SiteConfig(AppConfig):
    """Registers the system checks."""

    name = "asu_site"
    label = "asu_site"

    def ready(self) -> None:
        from asu_site import checks  # noqa: F401 (registers them)
        from asu_site.backoffice import sign_in

        sign_in.watch()
