"""manage.py network_profile: named file sets for the images of a community's network, in and out."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import ProtectedError

from packages import audit, file_sets, generation, network_profiles
from packages.file_sets import FileSetError
from packages.management import arguments
from packages.models import NetworkProfile
from packages.sync import flavours


class Command(BaseCommand):
    """Importing again takes the place of the files that were there, and leaves what is not said."""

    help = "Import, export, list and remove network profiles: files and packages that requests can name."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        take = acts.add_parser("import", help="from a folder or a tar archive that is laid out like an image's root")
        take.add_argument("name", help="how requests call it, e.g. libremesh/antennas")
        take.add_argument("place", type=Path, metavar="FOLDER|TAR")
        take.add_argument("--distribution", action="append", default=[], metavar="NAME", help="it is for; repeatable")
        take.add_argument("--general", action="store_true", help="it is for every distribution")
        take.add_argument("--packages", metavar="WORDS", help="name adds one, -name removes one: --packages='a -b'")
        take.add_argument("--title", help="how people call it")
        take.add_argument("--description")
        take.add_argument("--organisation", metavar="ORG", help="private: for its tokens only; '' = everybody's")
        take.add_argument("--public", action="store_true", help="show which files there are, not what stands in them")
        give = acts.add_parser("export", help="lay the files of one out below a new folder")
        give.add_argument("name")
        give.add_argument("folder", type=Path)
        acts.add_parser("list", help="all of them, with their packages")
        remove = acts.add_parser("remove", help="requests for it are refused from then on; images stay")
        remove.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['act']}")(**options)
        except (FileSetError, ValidationError) as error:
            raise CommandError(" ".join(getattr(error, "messages", [str(error)]))) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error

    def _import(self, *, name: str, place: Path, **options: Any) -> None:
        files = network_profiles.read(place)
        row = NetworkProfile.objects.filter(name=name).first() or NetworkProfile(name=name)
        for field in ("packages", "title", "description"):
            if options[field] is not None:
                setattr(row, field, options[field])
        if options["organisation"] is not None:
            row.organisation = arguments.organisation(options["organisation"])
        row.is_public = row.is_public or options["public"]
        distributions = [arguments.distribution(each) for each in options["distribution"]]
        row.is_general = options["general"] or (row.is_general and not distributions)
        if not row.is_general and not distributions and (row.pk is None or not row.distributions.exists()):
            raise CommandError("Say what it is for: --distribution NAME, or --general for every distribution.")
        network_profiles.put(row, files, distributions or None)
        flavours.derive_all()  # it may be in all their images
        audit.by_command([row], f"Imported {len(files)} files.")
        total = sum(len(file.content) for file in files)
        self.stdout.write(f"{row.name}: {len(files)} files, {total} bytes")

    def _export(self, *, name: str, folder: Path, **options: Any) -> None:
        files = network_profiles.files_of(_profile(name))
        file_sets.write(folder, files)
        self.stdout.write(f"{len(files)} files below {folder}")

    def _list(self, **options: Any) -> None:
        for row in NetworkProfile.objects.select_related("organisation").prefetch_related("files", "distributions"):
            names = ", ".join(each.name for each in row.distributions.all())
            places = "every distribution" if row.is_general else names
            facts = [f"for {places or 'no distribution'}", f"{len(row.files.all())} files", *row.package_words]
            if row.organisation:
                facts.append(f"(private to {row.organisation.name})")
            if not row.is_enabled:
                facts.append("(disabled)")
            self.stdout.write(f"{row.name}: {' '.join(facts)}")

    def _remove(self, *, name: str, **options: Any) -> None:
        try:
            row = _profile(name)
            with transaction.atomic():
                audit.by_command([row], "Removed.", audit.DELETION)
                row.delete()
        except ProtectedError as error:
            used = ", ".join(sorted(str(row) for row in error.protected_objects))
            raise CommandError(f"{name} goes into every image of {used}: take it out there first.") from error
        transaction.on_commit(generation.bump)
        self.stdout.write(f"{name} is removed.")


def _profile(name: str) -> NetworkProfile:
    row = NetworkProfile.objects.filter(name=name).first()
    if row is None:
        raise CommandError(f"There is no network profile {name!r}.")
    return row
