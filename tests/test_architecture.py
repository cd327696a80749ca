"""The arrows between the apps, and lists that must not drift apart."""

import ast
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

from asu_site.addresses import is_api, is_page
from packages import names

# Who may import whom: only to the right of the own place, `stats, news -> images -> builders -> packages`.
ALLOWED = {
    "packages": {"demo", "asu_site"},  # the command that sets the demo distribution up; the settings, for workers
    "builders": {"packages"},
    "images": {"packages", "builders"},
    "news": {"packages", "builders", "images"},
    "stats": {"packages", "builders", "images"},
    "asu_site": {"packages", "builders", "images", "news", "stats"},
    "demo": {"packages"},
}
OURS = {*ALLOWED, "bench", "tests", "asu_cli"}


def imports_of(folder: str) -> Iterator[tuple[Path, str]]:
    """Each module of ours that a file of the folder imports, wherever in the file."""
    for path in sorted((settings.BASE_DIR / folder).rglob("*.py")):
        if "imagebuilder/scripts" in path.as_posix():
            continue  # packed into the demo's archives, run by themselves
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                assert not node.level, f"{path}: imports are absolute"
                modules = [node.module]
            yield from ((path, module) for module in modules if module.split(".")[0] in OURS - {folder})


@pytest.mark.parametrize("app", sorted(ALLOWED))
def test_imports_go_one_way(app: str) -> None:
    wrong = [(str(path), module) for path, module in imports_of(app) if module.split(".")[0] not in ALLOWED[app]]

    assert wrong == []


def test_the_settings_are_reached_in_one_place() -> None:
    reached = {(path.name, module) for path, module in imports_of("packages") if module.startswith("asu_site")}

    assert reached == {("conf.py", "asu_site.env"), ("conf.py", "asu_site")}


def test_the_demo_knows_the_signatures_only() -> None:
    """It is a mirror; the management command that sets it up belongs to an app."""
    wrong = [(str(path), module) for path, module in imports_of("demo") if module != "packages.signatures"]

    assert wrong == []


@pytest.mark.parametrize("module", ["builders/states.py", "builders/spec.py", "images/fingerprint.py"])
def test_pure_modules_touch_no_rows(module: str) -> None:
    text = (settings.BASE_DIR / module).read_text()

    assert not re.search(r"^from \w+\.models import|\.objects\.", text, re.MULTILINE)


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


def first_segments(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if "/" in route or isinstance(pattern, URLPattern):
            yield route.split("/", 1)[0]
        else:
            yield from first_segments(pattern.url_patterns, route)


def test_no_distribution_can_hide_one_of_our_addresses() -> None:
    fixed = {segment for segment in first_segments(get_resolver().url_patterns) if segment and "<" not in segment}

    assert {"admin", "api", "json", "store", "images"} <= fixed
    assert fixed <= names.RESERVED


def test_each_of_our_addresses_is_for_people_or_for_programs() -> None:
    assert all(is_page(f"/{name}/") != is_api(f"/{name}/") for name in names.RESERVED)


def settings_read() -> set[str]:
    text = (settings.BASE_DIR / "asu_site/settings.py").read_text()
    return set(re.findall(r"env_(?:str|int|bool|list|choice|networks|secret)\(\s*\"([A-Z_]+)\"", text))


def test_every_setting_is_explained() -> None:
    explained = set(re.findall(r"^# ([A-Z_]+)=", (settings.BASE_DIR / ".env.example").read_text(), re.MULTILINE))

    assert settings_read() <= explained
    assert explained - settings_read() == {"PORT", "HOST", "ASU_WEB_WORKERS"}
