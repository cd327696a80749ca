"""The package: on its own feet, with its help and its exit codes told everywhere alike."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version

import pytest
from asu_cli import __version__
from asu_cli.errors import CliError, Exit
from packaging.requirements import Requirement

from tests.cli.command import ROOT, Asu

CLI = ROOT / "cli"
MODULES = sorted(CLI.rglob("*.py"))
OF_THE_SERVER = {"asu_site", "packages", "builders", "images", "stats", "demo", "bench", "tests", "django"}


def test_nothing_of_the_server_is_imported() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: imports are absolute"
                names.append(node.module or "")
            assert not OF_THE_SERVER & {name.split(".")[0] for name in names}, path


def test_what_the_tests_run_with_is_what_the_package_asks_for() -> None:
    project = tomllib.loads((CLI / "pyproject.toml").read_text())["project"]
    pinned = dict(
        line.split("#")[0].strip().split("==")
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / name).read_text().splitlines()
        if "==" in line
    )

    for text in project["dependencies"]:
        requirement = Requirement(text)
        assert pinned[requirement.name] == version(requirement.name)
        assert requirement.specifier.contains(pinned[requirement.name])


def test_all_modules_are_in_the_package() -> None:
    packages = tomllib.loads((CLI / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]

    folders = {path.parent.relative_to(CLI).as_posix().replace("/", ".") for path in CLI.rglob("__init__.py")}
    assert folders == set(packages)


def test_the_version_is_told(asu: Asu) -> None:
    assert asu("--version").out == f"asu {__version__}\n"


def exit_codes(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"(?:^|[;:|]|\bcodes?:)\s*(\d{1,3})\b", text, re.MULTILINE)}


def test_every_exit_code_is_explained_in_help_and_readme(asu: Asu) -> None:
    told = asu("--help").out
    table = "\n".join(row for row in (CLI / "README.md").read_text().splitlines() if re.match(r"\| \d+ \|", row))

    assert {int(row.split("|")[1]) for row in table.splitlines()} == set(map(int, Exit))
    assert exit_codes(" ".join(told.partition("Exit codes:")[1:])) == set(map(int, Exit))


def test_every_error_has_an_exit_code_of_the_list() -> None:
    kinds: list[type[CliError]] = [CliError, *CliError.__subclasses__()]

    assert {kind.exit_code for kind in kinds} == set(Exit) - {Exit.OK, Exit.NOTHING_NEWER}


@pytest.mark.parametrize("command", ["check", "build", "status", "download", "compare", "key"])
def test_every_command_explains_itself(asu: Asu, command: str) -> None:
    done = asu(command, "--help")

    assert done.code == 0
    assert "Usage: asu" in done.out
    for line in re.findall(r"^  (--[a-z-]+)(?: .*)?$", done.out, re.MULTILINE):
        assert line


@pytest.mark.parametrize("command", ["check", "build", "status", "download", "compare"])
def test_every_command_speaks_json_with_the_server_named(asu: Asu, command: str) -> None:
    told = asu(command, "--help").out

    for option in ("--json", "--server", "--token", "--timeout", "--patience"):
        assert option in told


def test_shells_can_complete(asu: Asu) -> None:
    asu.environment |= {"_ASU_COMPLETE": "complete_bash", "COMP_WORDS": "asu ", "COMP_CWORD": "1"}

    assert {"check", "build", "status", "download", "compare", "key"} <= set(asu().out.split())


def test_a_wrong_option_is_wrong_usage(asu: Asu) -> None:
    done = asu("build", "--nonsense")

    assert (done.code, done.out) == (2, "")


def test_a_reader_that_had_enough_is_no_failure(asu: Asu) -> None:
    command = " ".join(asu.command("--help"))

    done = subprocess.run(
        ["sh", "-c", f"{command} | true"], env=asu.environment, capture_output=True, text=True, check=False
    )

    assert "Traceback" not in done.stderr
    assert sys.executable in command
