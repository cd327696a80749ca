"""`sha256sums`: what an archive is compared with before it is unpacked."""

import pytest

from packages.exceptions import BadDocumentError
from packages.parsing import sums

A, B = "a" * 64, "b" * 64


def test_both_forms_of_coreutils_are_read() -> None:
    data = f"{A} *openwrt-imagebuilder.tar.zst\n{B.upper()}  packages/busybox_1.36.1-1_mips_24kc.ipk\n"

    assert sums.parse(data.encode()) == {
        "openwrt-imagebuilder.tar.zst": A,
        "packages/busybox_1.36.1-1_mips_24kc.ipk": B,
    }


def test_names_that_lead_out_of_the_folder_are_left_out() -> None:
    data = f"{A} *../../x\n{A} */etc/shadow\n{A} *a/../b\n{A} *with blank\n\\{A} *a\\nb\n{B} *./good\n{A} *a//b\n"

    assert sums.parse(data) == {"good": B}


def test_the_same_name_with_two_sums_is_refused() -> None:
    with pytest.raises(BadDocumentError, match=r"line 3: x is listed with two different sums"):
        sums.parse(f"{A} *x\n{A} *x\n{B} *x\n")


@pytest.mark.parametrize(
    "line", ["<html>", f"{A}*x", f"{A[1:]} *x", f"{A} x y".replace(" x", "\tx", 1), f"z{A[1:]} *x", f"{A} *"]
)
def test_a_line_of_another_form_is_refused(line: str) -> None:
    with pytest.raises(BadDocumentError, match="sha256sums, line 2"):
        sums.parse(f"{A} *good\n{line}\n")
