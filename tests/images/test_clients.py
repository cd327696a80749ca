"""Who asks: told apart by address, never by what a client writes about itself."""

import pytest
from pytest_django import Settings

from images import clients


def of(address: str, forwarded: str | None = None) -> clients.Client:
    environ = {"REMOTE_ADDR": address}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return clients.of(environ)


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> None:
    clients._client.cache_clear()


def test_an_address_is_kept_as_a_keyed_hash_only(settings: Settings) -> None:
    key = of("192.0.2.7").key
    settings.SECRET_KEY = "another"
    clients._client.cache_clear()

    assert len(key) == 24 and "192" not in key
    assert of("192.0.2.7").key != key


def test_without_a_proxy_what_a_client_says_of_its_address_does_not_count() -> None:
    assert of("192.0.2.7", "127.0.0.1") == of("192.0.2.7")
    assert not of("192.0.2.7", "127.0.0.1").is_trusted


@pytest.mark.parametrize("said", ["127.0.0.1, 192.0.2.7", "10.0.0.1,x,127.0.0.1,192.0.2.7", " ::1 , 192.0.2.7 "])
def test_behind_a_proxy_only_the_address_counts_that_the_proxy_added(settings: Settings, said: str) -> None:
    settings.ASU_BEHIND_PROXY = True

    assert of("127.0.0.1", said) == of("192.0.2.7", "192.0.2.7")
    assert not of("127.0.0.1", said).is_trusted


def test_an_ipv6_client_has_a_64_to_itself() -> None:
    assert of("2001:db8:1:2::1") == of("2001:db8:1:2:ffff::9") == of("[2001:db8:1:2::5]")
    assert of("2001:db8:1:2::1") != of("2001:db8:1:3::1")


def test_an_ipv4_address_in_ipv6_clothes_is_the_same_client() -> None:
    assert of("::ffff:192.0.2.7") == of("192.0.2.7")
    assert of("::ffff:127.0.0.1").is_trusted


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::1%lo"])
def test_this_machine_is_trusted(address: str) -> None:
    assert of(address).is_trusted


@pytest.mark.parametrize("address", ["nonsense", "1.2.3.4.5", "\0", "x" * 10_000, "unknown"])
def test_an_address_that_is_none_is_somebody_without_trust(address: str) -> None:
    assert of(address).key and not of(address).is_trusted


def test_no_address_is_nobody() -> None:
    assert of("").key == ""
    assert not of("").is_trusted


@pytest.mark.parametrize("port", [":4711", ":80"])
def test_a_proxy_that_adds_ports_does_not_make_a_new_client_of_each_connection(settings: Settings, port: str) -> None:
    settings.ASU_BEHIND_PROXY = True

    assert of("127.0.0.1", f"192.0.2.7{port}") == of("127.0.0.1", "192.0.2.7")
    assert of("127.0.0.1", f"[2001:db8::1]{port}") == of("127.0.0.1", "2001:db8::1")
