"""`index.json`: names and versions of a feed without its index."""

import pytest

from packages.exceptions import BadDocumentError
from packages.parsing import index_json


def test_the_first_version_has_names_with_abi_suffix() -> None:
    index = index_json.parse(b'{"architecture": "mips_24kc", "packages": {"libubox20230523": "2023-05-23-1"}}')

    assert (index.version, index.architecture) == (1, "mips_24kc")
    assert index.packages == {"libubox20230523": "2023-05-23-1"}


def test_the_second_version_says_so() -> None:
    index = index_json.parse(b'{"version": 2, "architecture": "mips_24kc", "packages": {"libubox": "2024.1-r1"}}')

    assert index.version == 2
    assert index.packages == {"libubox": "2024.1-r1"}


def test_a_flat_index_is_read_even_with_a_package_called_packages() -> None:
    index = index_json.parse(b'{"packages": "1.0", "version": "3", "luci": "25.191"}')

    assert index.packages == {"packages": "1.0", "version": "3", "luci": "25.191"}
    assert (index.version, index.architecture) == (2, "")


def test_names_that_nobody_can_ask_for_are_counted() -> None:
    index = index_json.parse(b'{"packages": {"vim": "9.1", "china dns": "1", "../x": "1"}}')

    assert index.packages == {"vim": "9.1"}
    assert index.skipped == 2


@pytest.mark.parametrize("data", [b"[]", b'{"version": 3, "packages": {}}', b'{"packages": {"vim": 9}}', b'{"a": {}}'])
def test_other_documents_are_refused(data: bytes) -> None:
    with pytest.raises(BadDocumentError, match=r"index\.json"):
        index_json.parse(data)
