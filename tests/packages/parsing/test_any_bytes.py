"""Whatever a mirror sends: a parser answers, or raises BadDocumentError and nothing else."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages.exceptions import BadDocumentError, SignatureError
from packages.parsing import (
    apk,
    apk_package,
    archive_names,
    index_json,
    listing,
    make_info,
    manifest,
    opkg,
    profiles,
    repositories,
    sums,
    versions,
)
from tests.packages.parsing import adb_writer as writer
from tests.packages.parsing.test_apk import made_by_apk, simple
from tests.packages.parsing.test_make_info import TODAY
from tests.packages.parsing.test_opkg import LIBUBOX
from tests.packages.parsing.test_profiles import changed

PARSERS: list[Callable[[bytes], object]] = [
    versions.parse_versions,
    versions.parse_targets,
    versions.parse_overview,
    profiles.parse,
    sums.parse,
    opkg.parse,
    opkg.parse_control,
    index_json.parse,
    make_info.parse,
    lambda data: listing.parse(data, "https://mirror.example.org/x/"),
    repositories.parse,
    repositories.parse_feeds_buildinfo,
    manifest.parse,
    apk.parse,
    apk_package.read_package,
]
GOOD = [
    TODAY.encode(),
    LIBUBOX.encode(),
    changed(),
    b'{"versions_list": ["24.10.1"], "profiles": [{"id": "x", "target": "a/b", "titles": []}]}',
    b"<a href=\"x\">x</a><a href='../y'>y</a>",
    b"src/gz openwrt_base https://mirror.example.org/x\nhttps://mirror.example.org/packages.adb\n",
    writer.signed_index(simple("vim")),
    made_by_apk("packages.adb"),
    made_by_apk("hello20240101-1.2.3-r4.apk"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
    max_leaves=20,
)
KEYS = (
    *("versions_list", "stable_version", "profiles", "packages", "version", "architecture", "target"),
    *("default_packages", "linux_kernel", "source_date_epoch", "metadata_version", "ath79/generic", "x86/64"),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good document with some bytes replaced, taken out or put in."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(data)


def try_all(data: bytes) -> None:
    for parser in PARSERS:
        try:
            parser(data)
        except BadDocumentError as error:
            assert len(str(error)) < 600


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    try_all(data)


@settings(max_examples=300)
@given(damaged())
def test_damaged_documents(data: bytes) -> None:
    try_all(data)


@settings(max_examples=200)
@given(st.text(alphabet="a1:.- \t\n\"'<>=/*|(),$\\#", max_size=300))
def test_text_that_looks_like_something(text: str) -> None:
    try_all(text.encode())


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8))
def test_json_of_any_shape(value: dict[str, object]) -> None:
    try_all(json.dumps(value).encode())


@settings(max_examples=300)
@given(st.binary(min_size=8, max_size=400))
def test_any_values_inside_a_sound_container(payload: bytes) -> None:
    payload = b"\0" + payload[1:]
    for schema in (writer.INDEX, writer.PACKAGE):
        try_all(writer.file(schema, writer.block(writer.ADB, payload)))


@given(st.binary(max_size=200))
def test_any_signature_is_refused_properly(signature: bytes) -> None:
    key = writer.pem(writer.new_key())
    data = writer.file(
        writer.INDEX, writer.block(writer.ADB, simple("vim")), writer.block(writer.SIGNATURE, b"\0\4" + signature)
    )

    with pytest.raises(SignatureError):
        apk.verify(data, [key])


@given(st.lists(st.text(max_size=60), max_size=5), st.text(max_size=10), st.text(max_size=20))
def test_any_names_of_files(names: list[str], version: str, target: str) -> None:
    found = archive_names.find(names, version, target)

    assert found is None or found in names


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("unit", [b"<a ", b"a:", b"[", b'{"a":', b"\n", b"src/gz a ", b"a|", b"Package: x\n\n", b" "])
def test_long_repetitions_cost_no_more_than_their_length(parser: Callable[[bytes], object], unit: bytes) -> None:
    with suppress(BadDocumentError):
        parser(unit * (500_000 // len(unit)))
