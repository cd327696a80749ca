"""Addresses that strangers name: one plain spelling, every disguise is refused with a sentence."""

import ipaddress

import pytest

from packages.web_addresses import WebAddress, is_public

ALLOWED = WebAddress.parse("https://feed.example.org/openwrt")

PLAIN = [
    ("https://feed.example.org/openwrt", "https://feed.example.org/openwrt"),
    ("https://feed.example.org/openwrt/", "https://feed.example.org/openwrt"),
    ("HTTPS://Feed.Example.ORG/openwrt", "https://feed.example.org/openwrt"),
    ("https://feed.example.org:443/openwrt", "https://feed.example.org/openwrt"),
    ("https://feed.example.org/openwrt/24.10/mips_24kc", "https://feed.example.org/openwrt/24.10/mips_24kc"),
    ("https://feed.example.org/openwrt/v1~rc+1", "https://feed.example.org/openwrt/v1~rc+1"),
]
ELSEWHERE = [
    "https://feed.example.org",
    "https://feed.example.org/openwrt-evil",
    "https://feed.example.org/OpenWrt",
    "https://feed.example.org/x/openwrt",
    "https://feed.example.org.evil.example/openwrt",
    "https://evil.example/feed.example.org/openwrt",
    "https://xn--fed-9la.example.org/openwrt",
    "https://afeed.example.org/openwrt",
    "https://feed.example.org:8443/openwrt",
    "http://feed.example.org/openwrt",
    "http://feed.example.org:443/openwrt",
    "https://192.0.2.1/openwrt",
]
DISGUISES = [
    ("", "begins with http"),
    ("feed.example.org/openwrt", "begins with http"),
    ("//feed.example.org/openwrt", "begins with http"),
    ("file:///etc/openwrt", "begins with http"),
    ("ftp://feed.example.org/openwrt", "begins with http"),
    ("https:/feed.example.org/openwrt", "begins with http"),
    ("https:feed.example.org/openwrt", "begins with http"),
    ("javascript://feed.example.org/openwrt", "begins with http"),
    ("https:///openwrt", "names one host"),
    ("https://:443/openwrt", "names one host"),
    # user info
    ("https://feed.example.org@evil.example/openwrt", "names one host"),
    ("https://user:secret@feed.example.org/openwrt", "names one host"),
    ("https://feed.example.org:443@evil.example/openwrt", "names one host"),
    ("https://@feed.example.org/openwrt", "names one host"),
    # query and fragment
    ("https://evil.example?https://feed.example.org/openwrt", "query"),
    ("https://feed.example.org/openwrt?x=1", "query"),
    ("https://feed.example.org/openwrt?", "query"),
    ("https://evil.example#https://feed.example.org/openwrt", "fragment"),
    ("https://feed.example.org/openwrt#x", "fragment"),
    # dots, plain and otherwise
    ("https://feed.example.org/openwrt/../evil", "dots"),
    ("https://feed.example.org/openwrt/..", "dots"),
    ("https://feed.example.org/./openwrt", "dots"),
    ("https://feed.example.org/openwrt/.../x", "dots"),
    ("https://feed.example.org/openwrt/%2e%2e/evil", "encoded"),
    ("https://feed.example.org/openwrt/%2E./evil", "encoded"),
    ("https://feed.example.org/openwrt/%252e%252e/evil", "encoded"),
    ("https://feed.example.org/openwrt%2fevil", "encoded"),
    ("https://feed.example.org/openwrt%00", "encoded"),
    ("https://feed.example.org/openwrt/..;/evil", "parameters"),
    ("https://feed.example.org/openwrt;/evil", "parameters"),
    ("https://feed.example.org/openwrt\\..\\evil", "backslash"),
    ("https:\\\\feed.example.org\\openwrt", "backslash"),
    ("https://evil.example\\@feed.example.org/openwrt", "backslash"),
    ("https://feed.example.org//openwrt", "single slashes"),
    ("https://feed.example.org/openwrt//x", "single slashes"),
    ("https://feed.example.org/openwrt//", "single slashes"),
    ("https://feed.example.org//", "single slashes"),
    ("https://feed.example.org/openwrt/$(id)", "between the slashes"),
    ("https://feed.example.org/openwrt/`id`", "between the slashes"),
    ('https://feed.example.org/openwrt/"', "between the slashes"),
    ("https://feed.example.org/openwrt/|x", "between the slashes"),
    ("https://feed.example.org/openwrt/{version}", "between the slashes"),
    # blanks and what no one sees
    (" https://feed.example.org/openwrt", "blanks"),
    ("https://feed.example.org/openwrt ", "blanks"),
    ("https://feed.example.org/open wrt", "blanks"),
    ("https://feed.example.org/openwrt\n", "newlines"),
    ("https://feed.example.org/openwrt\nsrc/gz evil https://evil.example", "newlines"),
    ("https://feed.example.org/openwrt\r\n", "newlines"),
    ("https://feed.example.org/openwrt\t", "control characters"),
    ("https://feed.example.org\x00.evil.example/openwrt", "control characters"),
    ("https://feed.example.org/openwrt\x7f", "control characters"),
    ("https://feed.example.org/openwrt\x85", "control characters"),
    ("https://feed.example.org/openwrt\u2028", "ASCII"),
    ("https://feed.example.org/\u202egpj", "ASCII"),
    # hosts in other letters
    ("https://f\u0435ed.example.org/openwrt", "ASCII"),
    ("https://feed\u3002example\uff0eorg/openwrt", "ASCII"),
    ("https://\uff46eed.example.org/openwrt", "ASCII"),
    ("https://feed.example.org\uff0fopenwrt", "ASCII"),
    ("https://feed.example.org./openwrt", "end of the host"),
    ("https://feed..example.org/openwrt", "single dots"),
    ("https://.feed.example.org/openwrt", "single dots"),
    ("https://-feed.example.org/openwrt", "single dots"),
    ("https://feed_.example.org/openwrt", "names one host"),
    ("https://feed.example.org,evil.example/openwrt", "names one host"),
    ("https://[feed.example.org]/openwrt", "names one host"),
    # ports
    ("https://feed.example.org:/openwrt", "names one host"),
    ("https://feed.example.org:0/openwrt", "port"),
    ("https://feed.example.org:0443/openwrt", "port"),
    ("https://feed.example.org:65536/openwrt", "port"),
    ("https://feed.example.org:-1/openwrt", "names one host"),
    ("https://feed.example.org:443:443/openwrt", "names one host"),
    ("https://feed.example.org:+443/openwrt", "names one host"),
    # numbers in disguise
    ("http://127.1/openwrt", "four decimal numbers"),
    ("http://2130706433/openwrt", "four decimal numbers"),
    ("http://0x7f000001/openwrt", "four decimal numbers"),
    ("http://0x7f.1/openwrt", "four decimal numbers"),
    ("http://017700000001/openwrt", "four decimal numbers"),
    ("http://127.0.0.01/openwrt", "four decimal numbers"),
    ("http://0177.0.0.1/openwrt", "four decimal numbers"),
    ("http://127.0.0.0x1/openwrt", "four decimal numbers"),
    ("http://127.0.0.1.1/openwrt", "four decimal numbers"),
    ("http://127.0.0.256/openwrt", "four decimal numbers"),
    ("http://127.0.0.1./openwrt", "end of the host"),
    ("http://feed.example.org.1/openwrt", "four decimal numbers"),
    ("http://[::ffff:127.0.0.1]/openwrt", "IPv4 in disguise"),
    ("http://[::ffff:7f00:1]/openwrt", "IPv4 in disguise"),
    ("http://[::127.0.0.1]/openwrt", "IPv4 in disguise"),
    ("http://[64:ff9b::7f00:1]/openwrt", "IPv4 in disguise"),
    ("http://[2002:7f00:1::]/openwrt", "IPv4 in disguise"),
    ("http://[::1%25lo]/openwrt", "encoded"),
    ("http://[::1%lo]/openwrt", "encoded"),
    ("http://[:::1]/openwrt", "IPv6"),
    ("http://[::1/openwrt", "names one host"),
    ("http://::1/openwrt", "names one host"),
    ("https://feed.example.org/" + "x/" * 300, "characters"),
    ("https://feed.example.org/" + "x" * 200, "between the slashes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "plain"), PLAIN)
def test_one_address_has_one_form_whatever_is_equal_in_it(text: str, plain: str) -> None:
    address = WebAddress.parse(text)

    assert str(address) == plain
    assert address.is_within(ALLOWED)


@pytest.mark.parametrize("text", ELSEWHERE)
def test_an_address_is_below_another_by_scheme_host_port_and_whole_segments(text: str) -> None:
    assert not WebAddress.parse(text).is_within(ALLOWED)


@pytest.mark.parametrize(("text", "said"), DISGUISES)
def test_every_disguise_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        WebAddress.parse(text)


def test_an_index_is_its_folder() -> None:
    address = WebAddress.parse("https://feed.example.org/openwrt/packages.adb")

    assert str(address.without(["packages.adb"])) == "https://feed.example.org/openwrt"
    assert address.without(["Packages"]) is address


@pytest.mark.parametrize("text", ["http://[::1]:8080/x", "http://[2001:DB8::1]/x", "http://192.0.2.1:81/x"])
def test_numbers_of_hosts_keep_their_form(text: str) -> None:
    assert str(WebAddress.parse(text)) == text.lower()


@pytest.mark.parametrize(
    "number",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1"),
        *("2002:7f00:1::", "2002:c0a8:101::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe"),
    ],
)
def test_addresses_of_this_machine_and_of_private_networks_are_not_public(number: str) -> None:
    assert not is_public(ipaddress.ip_address(number))


@pytest.mark.parametrize("number", ["1.1.1.1", "9.9.9.9", "2606:4700:4700::1111", "::ffff:9.9.9.9", "64:ff9b::909:909"])
def test_addresses_of_the_internet_are_public(number: str) -> None:
    assert is_public(ipaddress.ip_address(number))
