"""The settings, for code that also runs on workers: Django's on a server, the very same file by itself elsewhere."""

from asu_site.env import is_django

if is_django():
    from django.conf import settings
else:
    from asu_site import settings  # type: ignore[assignment]

__all__ = ["settings"]
