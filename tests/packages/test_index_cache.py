"""Indexes by hash."""

import hashlib
from pathlib import Path

import pytest

from packages import index_cache

DATA = b"Package: a\n"


def test_an_index_is_found_by_its_hash_with_its_signature() -> None:
    sha256 = index_cache.save(DATA, b"signed")

    assert sha256 == hashlib.sha256(DATA).hexdigest()
    assert index_cache.load(sha256) == DATA
    assert index_cache.signature(sha256) == b"signed"


def test_an_unsigned_index_has_no_signature() -> None:
    assert index_cache.signature(index_cache.save(DATA, None)) is None


def test_a_rotten_index_is_gone(data_dir: Path) -> None:
    sha256 = index_cache.save(DATA, None)
    (data_dir / "cache" / "indexes" / sha256).write_bytes(b"Package: b\n")

    with pytest.raises(FileNotFoundError):
        index_cache.load(sha256)

    assert index_cache.save(DATA, None) == sha256
    assert index_cache.load(sha256) == DATA


@pytest.mark.parametrize("name", ["../../db.sqlite3", "", "a" * 63])
def test_nothing_else_is_read(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        index_cache.load(name)
