"""ADB, the binary container of apk-tools 3: decompression, blocks, values. Every offset and length is checked.

Format: `apk-v3(5)` and `adb.h` of apk-tools. A file is `ADB.` (plain), `ADBd` (raw deflate) or `ADBc` + algorithm +
level; inside, `ADB.`, a schema number and blocks of 8 byte alignment: one ADB block, signatures, then data. All numbers
are little endian. A value is a 32-bit word, 4 bits type and 28 bits value or offset into the ADB block.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, NoReturn, Protocol

from packages.exceptions import BadDocumentError
from packages.parsing import zstd

BLOCK_ADB, BLOCK_SIGNATURE, BLOCK_DATA, _BLOCK_EXTENDED = range(4)
SCHEMA_INDEX = 0x78646E69  # indx
SCHEMA_PACKAGE = 0x676B6370  # pckg
MAX_ADB = 64 * 1024 * 1024  # of one ADB block, unpacked
MAX_SIGNATURE = 2048
MAX_SIGNATURES = 64
# Values may share what they point to, so a small file can describe a huge document: what is read in all is limited.
MAX_READ = 128 * 1024 * 1024
_BROKEN: tuple[type[Exception], ...] = (zlib.error, *zstd.ERRORS)
_MAX_FIELDS = 64
_CHUNK = 64 * 1024
_INT, _INT32, _INT64, _BLOB8, _BLOB16, _BLOB32, _ARRAY, _OBJECT = 1, 2, 3, 8, 9, 10, 13, 14


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Deflate:
    """Raw deflate as a stream; never unpacks more than was asked for."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, size: int, /) -> bytes:
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._source.read(_CHUNK)
            data = self._inflate.decompress(packed, size)
            if data:
                return data
            if not packed:
                raise zlib.error("the stream ends early")
        return b""


def _unpacked(file: IO[bytes], document: str) -> _Source:
    magic = file.read(4)
    if magic == b"ADB.":
        return file
    if magic == b"ADBd":
        return _Deflate(file)
    if magic == b"ADBc":
        algorithm = file.read(2)[:1]
        if algorithm == b"\1":
            return _Deflate(file)
        if algorithm == b"\2":
            stream: _Source = zstd.open_stream(file)
            return stream
    raise BadDocumentError(f"{document} is not an apk version 3 document.")


@dataclass(frozen=True, slots=True)
class Block:
    """A block's type and length; the payload is read from the container right after."""

    kind: int
    length: int


class Container:
    """A file read block by block. Errors of the format are BadDocumentError, whatever the bytes."""

    def __init__(self, file: IO[bytes], schema: int, document: str) -> None:
        self.document = document
        self._left = 0  # bytes of the current block not read yet
        self._padding = 0
        self._source = _unpacked(file, document)
        self._is_plain = self._source is file
        if not self._is_plain and self._exactly(4) != b"ADB.":
            raise BadDocumentError(f"{document} is not an apk version 3 document.")
        self.schema = _word(self._exactly(4))
        if self.schema != schema:
            raise BadDocumentError(f"{document} is an apk document of another kind.")

    def blocks(self) -> Iterator[Block]:
        """Blocks in order: one ADB block, then signatures, then data; anything else is refused."""
        last = -1
        while True:
            while self._left:
                self.read(min(self._left, _CHUNK))
            self._exactly(self._padding)
            block = self._header()
            if block is None:
                if last < 0:
                    raise BadDocumentError(f"{self.document} is empty.")
                return
            if (block.kind == BLOCK_ADB) != (last < 0) or block.kind < last:
                raise BadDocumentError(f"{self.document} has blocks in a wrong order.")
            last = block.kind
            yield block

    def read(self, size: int) -> bytes:
        """The next bytes of the current block's payload."""
        if size > self._left:
            raise BadDocumentError(f"{self.document}: a block is too short.")
        data = self._exactly(size)
        self._left -= size
        return data

    def payload(self, block: Block, limit: int) -> bytes:
        """The whole payload of a block of at most `limit` bytes."""
        if block.length > limit:
            raise BadDocumentError(f"{self.document}: a block is larger than {limit} bytes.")
        return self.read(block.length)

    def _header(self) -> Block | None:
        first = self._some(4)
        if not first:
            return None
        word = _word(first + self._exactly(4 - len(first)))
        kind, size, head = word >> 30, word & 0x3FFFFFFF, 4
        if kind == _BLOCK_EXTENDED:
            kind, head = size, 16
            size = struct.unpack("<IQ", self._exactly(12))[1]
        if size < head or kind > BLOCK_DATA:
            raise BadDocumentError(f"{self.document} has a block of an unknown kind.")
        self._left, self._padding = size - head, -size % 8
        return Block(kind, self._left)

    def _exactly(self, size: int) -> bytes:
        data = self._some(size)
        if len(data) == size:
            return data
        parts = [data]
        missing = size - len(data)
        while missing and (data := self._some(missing)):
            parts.append(data)
            missing -= len(data)
        if missing:
            raise BadDocumentError(f"{self.document} ends early.")
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        try:
            return self._source.read(size) if size else b""
        except _BROKEN as error:
            raise BadDocumentError(f"{self.document} cannot be unpacked.") from error


def _word(data: bytes) -> int:
    return int.from_bytes(data, "little")


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature block, version 0: over the schema, this head and the digest of the ADB block."""

    head: bytes  # version, hash algorithm, 16 bytes key id
    signature: bytes

    @property
    def key_id(self) -> bytes:
        """First 16 bytes of the SHA-512 of the signer's public point."""
        return self.head[2:]

    @property
    def algorithm(self) -> int:
        """How the ADB block was hashed: 3 SHA-256, 4 SHA-512."""
        return self.head[1]


@dataclass(frozen=True, slots=True)
class Document:
    """A container without its data blocks."""

    schema: int
    adb: bytes
    signatures: tuple[Signature, ...]


def read_document(data: bytes, schema: int, document: str) -> Document:
    """An index, or the head of a package: the ADB block and its signatures."""
    container = Container(io.BytesIO(data), schema, document)
    adb = b""
    signatures: list[Signature] = []
    for block in container.blocks():
        if block.kind == BLOCK_ADB:
            adb = container.payload(block, MAX_ADB)
        elif block.kind == BLOCK_SIGNATURE:
            signatures += read_signature(container, block)
        else:
            break
        if len(signatures) > MAX_SIGNATURES:
            raise BadDocumentError(f"{document} has more than {MAX_SIGNATURES} signatures.")
    return Document(schema, adb, tuple(signatures))


def read_signature(container: Container, block: Block) -> list[Signature]:
    """The signature of a block; none where it is of a version made after this was written."""
    payload = container.payload(block, MAX_SIGNATURE)
    return [Signature(payload[:18], payload[18:])] if len(payload) > 18 and payload[0] == 0 else []


class Values:
    """The tree of values inside an ADB block.

    Objects and arrays come as lists of value words; index 0 is the first field (number 1 in apk's headers). What is
    absent is 0 and reads as empty. Callers walk by schema, so nesting is as deep as the schema and no deeper.
    """

    def __init__(self, adb: bytes, document: str) -> None:
        self._adb, self._document, self._budget = adb, document, MAX_READ
        if len(adb) < 8 or adb[0] != 0:
            raise BadDocumentError(f"{document} is of an apk format that this server does not know.")

    @property
    def root(self) -> int:
        """The value of the root object."""
        return _word(self._adb[4:8])

    def fields(self, value: int, width: int) -> list[int]:
        """The first `width` fields of an object; those it does not have are absent."""
        fields = self.items(value, _MAX_FIELDS)[:width]
        return fields + [0] * (width - len(fields))

    def items(self, value: int, limit: int) -> list[int]:
        """Items of an array, at most `limit`."""
        if value == 0:
            return []
        if value >> 28 not in (_ARRAY, _OBJECT):
            self._fail("has a value of a wrong type")
        count = self._number(value, 4)
        if not 1 <= count <= limit + 1:
            self._fail("has a list of impossible length")
        offset = value & 0x0FFFFFFF
        return list(struct.unpack(f"<{count - 1}I", self._slice(offset + 4, 4 * (count - 1))))

    def blob(self, value: int) -> bytes:
        """The bytes of a value."""
        if value == 0:
            return b""
        head = {_BLOB8: 1, _BLOB16: 2, _BLOB32: 4}.get(value >> 28)
        if head is None:
            self._fail("has a value of a wrong type")
        return self._slice((value & 0x0FFFFFFF) + head, self._number(value, head))

    def text(self, value: int) -> str:
        """A value as text; what is not UTF-8 is replaced, as it is for people only or refused by its pattern."""
        return self.blob(value).decode(errors="replace")

    def number(self, value: int) -> int:
        """A whole number."""
        kind = value >> 28
        if value == 0:
            return 0
        if kind == _INT:
            return value & 0x0FFFFFFF
        if kind not in (_INT32, _INT64):
            self._fail("has a value of a wrong type")
        return self._number(value, 4 if kind == _INT32 else 8)

    def _number(self, value: int, size: int) -> int:
        return _word(self._slice(value & 0x0FFFFFFF, size))

    def _slice(self, offset: int, size: int) -> bytes:
        self._budget -= size
        if offset + size > len(self._adb) or self._budget < 0:
            self._fail("points behind its end" if self._budget >= 0 else "describes more than it could hold")
        return self._adb[offset : offset + size]

    def _fail(self, what: str) -> NoReturn:
        raise BadDocumentError(f"{self._document} {what}.")
