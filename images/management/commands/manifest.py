"""What an image would hold, without building it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from builders.archives import SharedSources
from builders.ledger import DatabaseLedger
from builders.spec import BuildFailedError
from builders.states import Phase
from builders.workshop import Workshop
from images import admission, fingerprint, normalise, validation
from images.clients import Client
from images.exceptions import RequestRefusedError
from packages.exceptions import NotCompleteError
from packages.visibility import MAINTAINER


class Command(BaseCommand):
    help = "Let the ImageBuilder resolve a request (`make manifest`) and print the packages with their versions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("distribution")
        parser.add_argument("release", help="e.g. 24.10.2")
        parser.add_argument("target", help="e.g. ath79/generic")
        parser.add_argument("profile", help="e.g. tplink_archer-c7-v2")
        parser.add_argument("--packages", default="", help="in addition to the defaults; -name removes one")
        parser.add_argument("--network-profile", default="", help="whose files and packages the image gets")

    def handle(self, *args: Any, **options: Any) -> None:
        raw = {
            "version": options["release"],
            "target": options["target"],
            "profile": options["profile"],
            "packages": options["packages"].split(),
            "network_profile": options["network_profile"],
        }
        try:
            asked = validation.shape(options["distribution"], raw, asker=Client(is_trusted=True, viewer=MAINTAINER))
            snapshot = admission.find(asked)
            identity = fingerprint.fingerprint(asked, normalise.resolve(asked, snapshot), snapshot)
            found = Workshop(DatabaseLedger(), SharedSources()).manifest(identity.spec, self._report)
        except RequestRefusedError as error:
            raise CommandError(error.detail) from error
        except NotCompleteError as error:
            raise CommandError(
                f"{asked.target} is not here yet: manage.py sync {asked.distribution} --release {asked.version} "
                f"--target {asked.target}"
            ) from error
        except BuildFailedError as error:
            raise CommandError(error.sentence) from error
        for name, version in sorted(found.items()):
            self.stdout.write(f"{name} - {version}")

    def _report(self, phase: Phase, percent: int | None) -> None:
        self.stderr.write(phase.value if percent is None else f"{phase.value} {percent} %")
