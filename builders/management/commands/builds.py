"""What waits, what runs and what failed last, on one screen."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from builders.models import Build, Worker


class Command(BaseCommand):
    """See the module."""

    help = "List waiting, running and lately failed builds, and the workers."

    def add_arguments(self, parser: CommandParser) -> None:
        """How much to list."""
        parser.add_argument("--limit", type=int, default=10, help="lines of each kind (default 10)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Four short lists."""
        limit: int = options["limit"]
        waiting = Build.objects.queued()
        self.stdout.write(f"Waiting: {waiting.count()}")
        for build in waiting[:limit]:
            self.stdout.write(f"  {_what(build)}")
        self.stdout.write("Running:")
        for build in Build.objects.building().select_related("worker"):
            percent = f" {build.progress}%" if build.progress is not None else ""
            self.stdout.write(f"  {_what(build)}  {build.phase}{percent} on {build.worker} (attempt {build.attempts})")
        self.stdout.write("Failed last:")
        for build in Build.objects.failed()[:limit]:
            self.stdout.write(f"  {_what(build)}  {build.reason}: {build.sentence}")
        self.stdout.write("Workers here lately:")
        for worker in Worker.objects.online():
            self.stdout.write(f"  {worker}  sandbox {worker.sandbox or '?'}  {worker.complaint or worker.desired}")


def _what(build: Build) -> str:
    spec = build.spec
    return f"{build.spec_hash[:12]}  {spec['distribution']} {spec['version']} {spec['target']} {spec['profile']}"
