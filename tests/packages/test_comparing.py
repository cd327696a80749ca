"""packages/comparing.py: which of two versions is newer."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages.comparing import APK, OPKG, compare, is_newer, respelt, sort_key

# From the indexes of real releases.
REAL = """
1.0.9-1 r182-8 0.5.3.r550-3 173-1 4.2.4-3 3.14.77-3.14.77 0.2 0.15.2b-4 1.5.16-01 3.14.77+git-20150301-1 1.1.2-1.1
2015-05-08-cf8dcdb8a4e874c77f3e9a8e9b643e8c17b19131 2013-11-30-c805eb33255dbc0b6647d463c6c67d1c9d3105a0-1 6.0-2
0.0.5-20140812-2c6403405872aa865999b95ba15944295adf6c38-1 1.3.0+20141128-2 3.14.77+1.7-ipq806x-2 0.01-1 1.67-1
1.633-1 2022.82-6 1558-r24106-10cc5fcd00 5.15.167-1-d5f9ba6d0b4d1e9e3c9f7d2c1b0a9f8e 2023-05-23-75a3b870-1
git-23.093.57104-ce20b4a 2.4.9.git-2021-01-04-4 1.1.1w-1 1:2.0-1 2.90-r4 1637~d9340319c6
6.6.119~87021ce83621122a78a60c67cd8127a6-r1 25.191.67434~f5fd9bb 2025.05.12-r1 9.1.0727-r1 6.6.93.6.12.23-r1
2024.10.20~ca79f641-r1 1.2.5-r4 2.14.1-r1 0.99_rc2-r1 1.2_p1-r0 1.2_alpha 1.2_beta3 1.2_pre1 1.2_git20240101 1.2a-r2
1.05-r1 1.0 1.00 1
""".split()  # noqa: SIM905 a list would take a page

MANAGERS = pytest.mark.parametrize("manager", [OPKG, APK])
WORDS = st.sampled_from(
    ["0", "1", "00", "09", "10", "2", ".", "-", "-r", "-r1", "~", "~a", "+", ":", "a", "b", "Z", "_rc", "_p", "_git"]
)
VERSIONS = st.one_of(st.sampled_from(REAL), st.lists(WORDS, min_size=1, max_size=7).map("".join), st.text(max_size=8))


# -- a total order -------------------------------------------------------------------------------------------


@MANAGERS
@given(a=VERSIONS, b=VERSIONS)
def test_turned_round_it_says_the_opposite(manager: str, a: str, b: str) -> None:
    assert compare(manager, a, b) == -compare(manager, b, a)


@MANAGERS
@given(a=VERSIONS)
def test_a_version_equals_itself(manager: str, a: str) -> None:
    assert compare(manager, a, a) == 0


@MANAGERS
@given(a=VERSIONS, b=VERSIONS, c=VERSIONS)
def test_what_is_newer_than_the_newer_is_newer(manager: str, a: str, b: str, c: str) -> None:
    low, middle, high = sorted((a, b, c), key=lambda version: sort_key(manager, version))

    assert compare(manager, low, middle) <= 0
    assert compare(manager, middle, high) <= 0
    assert compare(manager, low, high) <= 0
    if compare(manager, low, middle) == compare(manager, middle, high) == 0:
        assert compare(manager, low, high) == 0


@MANAGERS
def test_real_versions_have_one_order(manager: str) -> None:
    for a, b, c in itertools.permutations(REAL, 3):
        if compare(manager, a, b) <= 0 and compare(manager, b, c) <= 0:
            assert compare(manager, a, c) <= 0, (a, b, c)


# -- known pairs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0-1", "1.0-2"),
        ("1.0-9", "1.0-10"),
        ("1.9-1", "1.10-1"),
        ("1.0~rc1-1", "1.0-1"),
        ("1.0~", "1.0"),
        ("1.0~~", "1.0~"),
        ("1.0", "1.0a"),
        ("1.0a", "1.0+"),
        ("1.0", "1.0.1"),
        ("9", "1:1"),
        ("2015-01-02-abc-1", "2015-01-10-abc-1"),
        ("1.0-1", "1.0-r1"),
        ("1.0-1", "1.0-1.1"),
        ("3.14.77-1", "3.14.77+git-1"),
        ("1.1.1n-1", "1.1.1w-1"),
    ],
)
def test_opkg(older: str, newer: str) -> None:
    assert compare(OPKG, older, newer) == -1


@pytest.mark.parametrize(("a", "b"), [("1.0", "1.0-0"), ("1.0-1", "0:1.0-1"), ("1.00-1", "1.0-1"), ("0", "")])
def test_opkg_takes_these_for_equal(a: str, b: str) -> None:
    assert compare(OPKG, a, b) == 0


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0-r1", "1.0-r2"),
        ("1.0-r9", "1.0-r10"),
        ("1.0", "1.0-r0"),
        ("1.9", "1.10"),
        ("1.0_alpha", "1.0_beta"),
        ("1.0_beta", "1.0_pre"),
        ("1.0_pre", "1.0_rc1"),
        ("1.0_rc1", "1.0_rc2"),
        ("1.0_rc2", "1.0"),
        ("1.0", "1.0_cvs"),
        ("1.0_cvs", "1.0_svn"),
        ("1.0_svn", "1.0_git"),
        ("1.0_git", "1.0_hg"),
        ("1.0_hg", "1.0_p"),
        ("1.0_p", "1.0_p1"),
        ("1.0", "1.0a"),
        ("1.0a", "1.0b"),
        ("1.0b", "1.0.1"),
        # A leading zero makes a text of the part.
        ("1.05", "1.1"),
        ("1.0", "1.00"),
        ("1.1", "1.1~0abc"),
        ("1.1~0abc", "1.1~1abc"),
        ("1.1~0abc", "1.1~0abc-r1"),
        ("1637~d9340319c6", "1638~0000000000"),
        ("6.6.93~a1b2-r1", "6.6.119~a1b2-r1"),
        ("2.14-r3", "2.14.1-r3"),
    ],
)
def test_apk(older: str, newer: str) -> None:
    assert compare(APK, older, newer) == -1


@pytest.mark.parametrize(("a", "b"), [("01", "1"), ("1.0-r1", "1.0-r01"), ("1+x", "1+y"), ("", "x")])
def test_apk_takes_these_for_equal(a: str, b: str) -> None:
    assert compare(APK, a, b) == 0


# -- over the line from the old spelling to the new ------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1.2-1", "1.2-r1"),
        ("5.15.167-1-d5f9ba6d0b4d1e9e3c9f7d2c1b0a9f8e", "5.15.167~d5f9ba6d0b4d1e9e3c9f7d2c1b0a9f8e-r1"),
        ("1637-r24106-10cc5fcd00", "1637~10cc5fcd00"),
        ("173-r3205", "173"),
        ("2023-05-23-75a3b870-1", "2023.05.23~75a3b870-r1"),
        ("2015-05-08-cf8dcdb8a4e8", "2015.05.08~cf8dcdb8a4e8"),
        ("git-23.093.57104-ce20b4a", "23.093.57104~ce20b4a"),
        ("git-17.152.82987-7f6fc16-1", "17.152.82987~7f6fc16"),
        ("0.2", "0.2"),
        ("1.2-r1", "1.2-r1"),
    ],
)
def test_the_same_version_in_another_spelling(old: str, new: str) -> None:
    assert respelt(old) == new


@pytest.mark.parametrize("manager", [OPKG, APK])
@pytest.mark.parametrize(
    ("installed", "new"),
    [
        ("1.2-1", "1.2-r1"),
        ("1.2-2", "1.2-r1"),
        ("1637-r24106-10cc5fcd00", "1637~d9340319c6"),
        ("1638-r24106-10cc5fcd00", "1637~d9340319c6"),
        ("5.15.167-1-d5f9ba6d0b4d1e9e3c9f7d2c1b0a9f8e", "5.15.167~a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4-r1"),
        ("2023-05-23-75a3b870-1", "2023.05.23~75a3b870-r1"),
        ("git-23.093.57104-ce20b4a", "23.093.57104~ce20b4a"),
    ],
)
def test_another_spelling_alone_is_no_update(manager: str, installed: str, new: str) -> None:
    assert not is_newer(manager, new, installed)


@pytest.mark.parametrize("manager", [OPKG, APK])
@pytest.mark.parametrize(
    ("installed", "new"),
    [
        ("1.2-1", "1.2-r2"),
        ("1.2-1", "1.10-r1"),
        ("5.15.167-1-d5f9ba6d0b4d1e9e3c9f7d2c1b0a9f8e", "6.6.119~87021ce83621122a78a60c67cd8127a6-r1"),
        ("1637-r24106-10cc5fcd00", "1638~0000000000"),
        ("2023-05-23-75a3b870-1", "2024.10.20~0000aaaa-r1"),
        ("git-23.093.57104-ce20b4a", "25.191.67434~f5fd9bb"),
        ("2022.83-1", "2024.86-r1"),
    ],
)
def test_what_is_newer_in_another_spelling_is_an_update(manager: str, installed: str, new: str) -> None:
    assert is_newer(manager, new, installed)
    assert not is_newer(manager, installed, new)
