"""What has to be done before the server may start; safe to repeat."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, call_command

from builders.runners import sandbox


def keep_private(file: Path) -> None:
    """SQLite's file is for our own user only: it holds sessions and first-boot scripts, with people's passwords.

    Builds run as another user, and where there is no bubblewrap no wall hides the file from them.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # Made here, so that it is private from the start; what SQLite puts beside it gets the same mode.
    file.touch(mode=0o600)
    for path in (file, *(file.with_name(file.name + ending) for ending in ("-wal", "-shm"))):
        if path.exists():
            path.chmod(0o600)


class Command(BaseCommand):
    help = "Migrate, collect static files, set up the demo, repair the store; then say what is missing."

    def handle(self, *args: Any, **options: Any) -> None:
        database = settings.DATABASES["default"]
        if database["ENGINE"].endswith("sqlite3"):
            keep_private(Path(database["NAME"]))
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("setup_demo")
        call_command("check_store", repair=True, idle=True)
        self._say_sandbox()
        self._say_account()

    def _say_sandbox(self) -> None:
        probe = sandbox.probe()
        level = probe.level or "none, so each build will fail"
        self.stdout.write(f"sandbox: {level}" + (f" ({probe.detail})" if probe.detail else ""))

    def _say_account(self) -> None:
        if not get_user_model().objects.filter(is_superuser=True).exists():
            self.stdout.write("no account yet; for /admin/ make one: .venv/bin/python manage.py createsuperuser")
