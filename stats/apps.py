"""Django's handle on this app."""

from django.apps import AppConfig


class StatsConfig(AppConfig):
    """Listens to what is worth counting."""

    name = "stats"

    def ready(self) -> None:
        from stats import counting

        counting.connect()
