"""The worker as one file: a zip archive that Python runs, with all that a build needs and nothing of the server.

What goes in is found by following the imports from the worker's command line, so no list of modules can grow stale.
"""

import ast
import functools
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packages.conf import settings

ENTRY = "builders.remote"
LAUNCHER = "builders.bundled"
OUTSIDE = "urllib3"  # pure Python; taken from where it is installed
_FIRST_LINE = b"#!/usr/bin/env python3\n"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive knows: the same code gives the same bytes
# Parts of urllib3 that need further packages; it asks for them only where somebody switches them on.
_LEFT_OUT = ("contrib/", "http2/connection.py")


@functools.cache
def build(entry: str = ENTRY) -> bytes:
    """The file; running it runs `main()` of the module `entry`."""
    files = {**_ours(entry), **_outside(), "__main__.py": _launcher(entry)}
    buffer = io.BytesIO(_FIRST_LINE)
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(files.items()):
            member = zipfile.ZipInfo(name, _DATE)
            member.external_attr = 0o644 << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()


def modules(entry: str = ENTRY) -> list[str]:
    """Our own modules in it, by name."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module in found or (path := _file_of(module)) is None:
            continue
        found.add(module)
        waiting += [module.rpartition(".")[0], *_imports(ast.parse(path.read_bytes()))]
    return sorted(found)


def _imports(tree: ast.AST) -> Iterator[str]:
    """What a module imports, wherever it does; but for what only a type checker looks at."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # Each name may be a module of its own.
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _imports(node)


def _file_of(module: str) -> Path | None:
    """The file of a module of ours; None for anybody else's, and for what is no module."""
    if not module:
        return None
    path: Path = settings.BASE_DIR / module.replace(".", "/")
    candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _ours(entry: str) -> dict[str, bytes]:
    paths = [path for path in map(_file_of, modules(entry)) if path is not None]
    return {path.relative_to(settings.BASE_DIR).as_posix(): path.read_bytes() for path in paths}


def _outside() -> dict[str, bytes]:
    spec = importlib.util.find_spec(OUTSIDE)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{OUTSIDE} is not installed: pip install -r requirements.txt")
    root = Path(spec.origin).parent
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
    return {f"{OUTSIDE}/{name}": path.read_bytes() for name, path in files.items() if not name.startswith(_LEFT_OUT)}


def _launcher(entry: str) -> bytes:
    path = _file_of(LAUNCHER)
    assert path is not None
    return path.read_bytes() + f'\n\nif __name__ == "__main__":\n    sys.exit(main("{entry}"))\n'.encode()
