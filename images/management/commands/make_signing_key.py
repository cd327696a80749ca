"""Makes the key that this server signs images with."""

import os
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import Error

from packages import audit
from packages.signatures import UsignKey


class Command(BaseCommand):
    help = "Make a usign key; images published from then on are signed with it. Prints the public half."

    def handle(self, *args: Any, **options: Any) -> None:
        secret = settings.ASU_KEY_DIR / "signing.sec"
        secret.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = UsignKey.generate("image server")
        try:
            descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise CommandError(f"There is a key already: {secret}. Move it away first.") from error
        with os.fdopen(descriptor, "w") as stream:
            stream.write(key.secret_text())
        public = key.public_text()
        secret.with_suffix(".pub").write_text(public)
        try:
            audit.of_server(f"Made the key that images are signed with, {key.fingerprint}.", audit.ADDITION)
        except Error as error:  # the key is there all the same, and may be made before the database is
            self.stderr.write(f"The audit has no entry of it: {error}")
        self.stdout.write(public)
