"""Small .ipk packages of both kinds, for trees that the tests write themselves."""

import gzip
import io
import tarfile


def tar_gz(**files: bytes) -> bytes:
    """A gzip tar with these members below `./`; `__` stands for a dot."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo("./" + name.replace("__", "."))
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0)


def control(name: str, *lines: str, version: str = "1-1") -> bytes:
    """A control file."""
    return "\n".join([f"Package: {name}", f"Version: {version}", *lines, ""]).encode()


def ipk(text: bytes) -> bytes:
    """As made since 2005: a gzip tar, the data before the control archive."""
    return tar_gz(debian_binary=b"2.0\n", data__tar__gz=tar_gz(x=b"x"), control__tar__gz=tar_gz(control=text))


def ar_ipk(text: bytes) -> bytes:
    """As Debian makes them, and the oldest releases: an ar archive."""
    members = [("debian-binary", b"2.0\n"), ("control.tar.gz", tar_gz(control=text)), ("data.tar.gz", tar_gz())]
    parts = [b"!<arch>\n"]
    for name, data in members:
        parts.append(
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
        )
    return b"".join(parts)
