"""Folders as web servers list them."""

import pytest

from packages.parsing import listing

NGINX = b"""<html><head><title>Index of /releases/</title></head><body><h1>Index of /releases/</h1><hr><pre>
<a href="../">../</a>
<a href="24.10.5/">24.10.5/</a>   01-Jan-2026 00:00       -
<a href="sha256sums">sha256sums</a>   01-Jan-2026 00:00    1234
</pre><hr></body></html>"""

APACHE = b"""<table><tr><th><a href="?C=N;O=D">Name</a></th></tr>
<tr><td><a href="/releases/">Parent Directory</a></td></tr>
<tr><td><A class="dir" HREF='24.10.5/'>24.10.5/</A></td></tr>
<tr><td><a href="sha256sums">sha256sums</a></td></tr></table>"""

PYTHON = b"""<ul>
<li><a href="24.10.5/">24.10.5/</a></li>
<li><a href="sha256sums">sha256sums</a></li>
</ul>"""


@pytest.mark.parametrize("page", [NGINX, APACHE, PYTHON])
@pytest.mark.parametrize("base", ["https://mirror.example.org/releases/x", "/releases/x/"])
def test_every_server_gives_the_same_names(page: bytes, base: str) -> None:
    assert listing.parse(page, base) == ["24.10.5/", "sha256sums"]


def test_absolute_links_into_the_folder_count_and_others_do_not() -> None:
    page = (
        b'<a href="https://mirror.example.org/x/in.bin">in</a> <a href="/x/also%2Ein">in</a>'
        b'<a href="https://other.example.org/x/out">out</a> <a href="//other.example.org/x/out2">out</a>'
        b'<a href="/y/out3">out</a> <a href="/xy/out4">out</a> <a href="sub/out5">deeper</a>'
    )

    assert listing.parse(page, "https://mirror.example.org/x") == ["in.bin", "also.in"]


def test_names_that_no_file_should_have_are_left_out() -> None:
    page = (
        b'<a href="%2e%2e/">up</a><a href="a%2fb">b</a><a href="a%20b">c</a><a href="%00">d</a><a href="http://[">e</a>'
    )

    assert listing.parse(page, "https://mirror.example.org/x/") == []


def test_each_name_counts_once() -> None:
    assert listing.parse(b'<a href="a&amp;b">x</a><a href="a">x</a><a href="./a">x</a>', "/x/") == ["a"]
