"""What has to be done before the server may start; safe to repeat."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command

from builders.runners import sandbox


class Command(BaseCommand):
    help = "Migrate, collect static files, set up the demo, repair the store; then say what is missing."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("setup_demo")
        call_command("check_store", repair=True, idle=True)
        self._say_sandbox()
        self._say_account()

    def _say_sandbox(self) -> None:
        probe = sandbox.probe()
        self.stdout.write(f"sandbox: {probe.level}" + (f" ({probe.detail})" if probe.detail else ""))

    def _say_account(self) -> None:
        if not get_user_model().objects.filter(is_superuser=True).exists():
            self.stdout.write("no account yet; for /admin/ make one: .venv/bin/python manage.py createsuperuser")
