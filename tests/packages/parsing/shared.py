"""Full-size real documents, where the checkout has them beside it; the tests' own data is small."""

import lzma
from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data"


def real(name: str) -> bytes:
    """A real document, unpacked; skips the test where there is none."""
    path = _FOLDER / name
    if not path.is_file():
        pytest.skip(f"the full-size document {name} is not beside this checkout")
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data
