"""Indexes by hash."""

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from packages import index_cache
from packages.signatures import UsignKey

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


def test_indexes_that_no_feed_has_any_more_go_after_days(data_dir: Path) -> None:
    kept, fresh, old = (index_cache.save(data, b"signature") for data in (b"kept", b"fresh", b"old"))
    past = time.time() - index_cache.KEPT_SECONDS - 60
    for sha256 in (kept, old):
        for path in (data_dir / "cache" / "indexes").glob(f"{sha256}*"):
            os.utime(path, (past, past))

    assert index_cache.forget_others({kept}) == 2

    assert index_cache.load(kept) == b"kept"
    assert index_cache.load(fresh) == b"fresh"
    assert index_cache.signature(old) is None
    with pytest.raises(FileNotFoundError):
        index_cache.load(old)


def test_signatures_of_the_same_index_by_several_keys_stand_beside_each_other() -> None:
    one, other = UsignKey.generate("one").public_text(), UsignKey.generate("other").public_text()
    sha256 = index_cache.save(DATA, b"of the distribution")

    index_cache.save(DATA, b"by one", signer=one)
    index_cache.save(DATA, b"by the other", signer=other)

    assert index_cache.signature(sha256) == b"of the distribution"
    assert index_cache.signature(sha256, index_cache.signer_id(one)) == b"by one"
    assert index_cache.signature(sha256, index_cache.signer_id(other)) == b"by the other"
    assert index_cache.signature(sha256, "0" * 64) is None
    assert index_cache.signature(sha256, "../x") is None


def test_a_key_with_the_number_of_another_does_not_take_its_place() -> None:
    key = UsignKey.generate("feed")
    twin = replace(UsignKey.generate("twin"), number=key.number)
    sha256 = index_cache.save(DATA, b"by the key", signer=key.public_text())

    index_cache.save(DATA, b"by its twin", signer=twin.public_text())

    assert index_cache.signature(sha256, index_cache.signer_id(key.public_text())) == b"by the key"
