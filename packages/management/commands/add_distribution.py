"""manage.py add_distribution: a distribution by name, with its mirror, keys and what the mirror does not list."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from packages import audit
from packages.definitions import SHIPPED
from packages.management import arguments
from packages.models import Distribution
from packages.registry import RegistrationError, add_distribution, add_series, add_targets

# Of the options, those that change something of the distribution.
_TOLD = ("url", "title", "key", "hosted", "oldest", "release", "target", "path_template", "on", "packages", "series")


class Command(BaseCommand):
    """Repeating it changes what is given and leaves the rest."""

    help = (
        "Add a distribution, or change the one of that name. "
        f"Known by name, without an address: {', '.join(SHIPPED)}. Then run: manage.py sync NAME"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="lower-case letters, digits and dashes: the first part of its addresses here")
        parser.add_argument("--url", default="", help="root of the mirror: http://, https:// or file:///folder")
        parser.add_argument("--title", default="", help="how people write it, e.g. OpenWrt")
        parser.add_argument("--key", action="append", default=[], metavar="FILE", help="public key to pin; repeatable")
        parser.add_argument("--hosted", action="store_true", help="we are the mirror: serve the file:// folder here")
        parser.add_argument("--oldest", default="", metavar="VERSION", help="leave out releases older than this")
        parser.add_argument("--release", default="", help="type in a release that the mirror does not list")
        parser.add_argument("--target", action="append", default=[], metavar="T/S", help="and its targets; repeatable")
        parser.add_argument("--path-template", default="", help="where its releases are, e.g. chaos_calmer/{version}")

        flavour = parser.add_argument_group("flavours", "distributions that are built on another's ImageBuilders")
        flavour.add_argument("--on", default="", metavar="NAME", help="make it a flavour of this distribution")
        flavour.add_argument("--packages", default="", metavar="WORDS", help="default packages on top; -name: without")
        flavour.add_argument("--series", default="", help="add or change releases that are alike, e.g. 2024.1")
        flavour.add_argument("--base-releases", default="", metavar="WORDS", help="which it is built on: 23.05 24.10.2")
        flavour.add_argument("--feed", action="append", default=[], metavar="NAME=PATH", help="repeatable; see README")
        flavour.add_argument("--version-template", default="", help="names of its releases: {series}-on{base_version}")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["target"] or options["path_template"]) and not options["release"]:
            raise CommandError("--target and --path-template say something about a release: give --release too.")
        if (options["base_releases"] or options["feed"] or options["version_template"]) and not options["series"]:
            raise CommandError("--base-releases, --feed and --version-template are about a series: give --series too.")
        before = set(Distribution.objects.values_list("name", flat=True))
        try:
            with transaction.atomic():  # all of it or nothing
                distribution, is_new = self._add(options)
                given = ", ".join(name for name in _TOLD if options[name])
                kind = audit.ADDITION if is_new else audit.CHANGE
                audit.by_command([distribution], f"add_distribution, with {given or 'its name alone'}.", kind)
        except RegistrationError as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        base = distribution.built_on
        if base is not None and base.name not in before:
            self.stdout.write(
                f"Added {base.name}, which it is built on. Pin its keys too: add_distribution {base.name}"
            )
        self.stdout.write(f"{'Added' if is_new else 'Changed'} {distribution.name}: {distribution.url}")
        if base is not None and not distribution.keys.filter(is_enabled=True).exists():
            self.stdout.write("No key is pinned: nothing is taken from its feeds. Pin keys with --key FILE.")
        elif not distribution.keys.filter(is_enabled=True).exists():
            self.stdout.write("No key is pinned: what the mirror sends is taken unsigned. Pin keys with --key FILE.")
        self.stdout.write(f"Next: manage.py sync {distribution.name}")

    def _add(self, options: dict[str, Any]) -> tuple[Distribution, bool]:
        distribution, is_new = add_distribution(
            options["name"],
            url=options["url"],
            title=options["title"],
            keys=[arguments.key(name) for name in options["key"]],
            is_hosted=options["hosted"],
            oldest_version=options["oldest"],
            built_on=options["on"],
            package_words=options["packages"],
        )
        if options["series"]:
            add_series(
                distribution,
                options["series"],
                base_releases=options["base_releases"],
                version_template=options["version_template"],
                feeds=dict(map(_feed, options["feed"])),
            )
        if options["release"]:
            add_targets(distribution, options["release"], options["target"], options["path_template"])
        return distribution, is_new


def _feed(text: str) -> tuple[str, str]:
    name, separator, path = text.partition("=")
    if not separator:
        raise CommandError(f"--feed {text!r}: write NAME=PATH, e.g. lime=master/openwrt-{{base_channel}}/{{arch}}")
    return name, path
