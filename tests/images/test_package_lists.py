"""Which words for PACKAGES a list of packages comes to: additions, removals, absolute lists, versions."""

from typing import Any

import pytest
from django.test import Client

from images.models import ImageRequest
from tests.images.factories import KERNEL_FREE, PACKAGES, ask, make_target, words

# Defaults: base-files busybox dropbear dnsmasq firewall4 luci-base libc, and for this device kmod-ath10k-ct -dnsmasq.
OWN = [*KERNEL_FREE, "kmod-ath10k-ct", "-dnsmasq"]


@pytest.fixture(autouse=True)
def target(db: None) -> None:
    make_target()


def versions(*names: str) -> dict[str, str]:
    return {name: PACKAGES.get(name, "") for name in names}


# fmt: off
TABLE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("nothing", {"packages": []}, []),
    ("nothing, absolutely", {"packages": [], "diff_packages": True}, []),
    ("one more", {"packages": ["luci"]}, ["luci"]),
    ("one twice", {"packages": ["luci", "luci"]}, ["luci"]),
    ("one that is there anyway", {"packages": ["dropbear", "luci"]}, ["luci"]),
    ("a default taken out", {"packages": ["-dropbear"]}, ["-dropbear"]),
    ("a default taken out twice", {"packages": ["-dropbear", "-dropbear"]}, ["-dropbear"]),
    ("one of the device taken out", {"packages": ["-kmod-ath10k-ct"]}, ["-kmod-ath10k-ct"]),
    ("what is not there taken out", {"packages": ["-vim"]}, []),
    ("a default named and taken out", {"packages": ["luci-base", "vim", "-luci-base"]}, ["vim", "-luci-base"]),
    ("what does not exist taken out", {"packages": ["luci", "-no-such"]}, ["luci"]),
    ("what the device takes out, taken out", {"packages": ["-dnsmasq"]}, []),
    ("what the device takes out, wanted", {"packages": ["dnsmasq"]}, ["dnsmasq"]),
    ("both, as profiles.json lists them", {"packages": [*OWN, "luci"]}, ["luci"]),
    ("one for another", {"packages": ["-dropbear", "vim"]}, ["vim", "-dropbear"]),
    ("the order of what is added stays", {"packages": ["vim", "luci", "tcpdump"]}, ["vim", "luci", "tcpdump"]),
    ("the defaults' order of what is removed", {"packages": ["-luci-base", "-dropbear"]}, ["-dropbear", "-luci-base"]),
    ("parts of every image", {"packages": ["kernel", "libc", "libgcc", "librt", "luci"]}, ["luci"]),

    ("all defaults, absolutely", {"packages": OWN, "diff_packages": True}, []),
    ("all defaults and more, absolutely", {"packages": [*OWN, "luci"], "diff_packages": True}, ["luci"]),
    # The firmware-selector: its box holds all defaults, its user types a removal behind them.
    ("all defaults and one taken out, absolutely", {"packages": [*OWN, "-dropbear"], "diff_packages": True},
     ["-dropbear"]),
    ("without one default, absolutely",
     {"packages": ["base-files", "busybox", "firewall4", "luci-base", "kmod-ath10k-ct"], "diff_packages": True},
     ["-dropbear"]),
    ("one package, absolutely", {"packages": ["vim"], "diff_packages": True},
     ["vim", "-dropbear", "-firewall4", "-luci-base", "-kmod-ath10k-ct"]),
    ("one default, absolutely", {"packages": ["dropbear"], "diff_packages": True},
     ["-firewall4", "-luci-base", "-kmod-ath10k-ct"]),
    ("a default twice, absolutely", {"packages": [*OWN, *OWN], "diff_packages": True}, []),
    ("parts of every image alone, absolutely", {"packages": ["kernel"], "diff_packages": True},
     ["-dropbear", "-firewall4", "-luci-base", "-kmod-ath10k-ct"]),
    ("removals of what it lacks anyway", {"packages": ["luci", "-dropbear"], "diff_packages": True},
     ["luci", "-dropbear", "-firewall4", "-luci-base", "-kmod-ath10k-ct"]),
    ("removals alone, absolutely", {"packages": ["-dropbear"], "diff_packages": True}, ["-dropbear"]),
    ("what does not exist taken out, absolutely", {"packages": [*OWN, "-no-such"], "diff_packages": True}, []),

    ("versions", {"packages_versions": versions("luci", "vim")}, ["luci", "vim"]),
    ("versions instead of the list", {"packages": ["tcpdump"], "packages_versions": versions("luci")}, ["luci"]),
    ("no versions, so the list", {"packages": ["tcpdump"], "packages_versions": {}}, ["tcpdump"]),
    ("versions in the place of the list", {"packages": versions("luci")}, ["luci"]),
    ("a version that is not said", {"packages_versions": {"luci": ""}}, ["luci"]),
    ("a version that is null", {"packages_versions": {"luci": None}}, ["luci"]),
    ("versions of defaults", {"packages_versions": versions("dropbear")}, []),
    ("versions, absolutely", {"packages_versions": versions("base-files", "busybox", "luci"), "diff_packages": True},
     ["luci", "-dropbear", "-firewall4", "-luci-base", "-kmod-ath10k-ct"]),
    ("any versions of parts of every image",
     {"packages_versions": {"kernel": "1", "libc": "2", "libgcc": "3", "luci": PACKAGES["luci"]}}, ["luci"]),
]
WRONG: list[tuple[str, dict[str, Any], int, str]] = [
    ("both", {"packages": ["vim", "-vim"]}, 400, "both vim and -vim"),
    ("both, absolutely", {"packages": [*OWN, "vim", "-vim"], "diff_packages": True}, 400, "both vim and -vim"),
    ("needed, named and taken out", {"packages": [*OWN, "-busybox"], "diff_packages": True}, 400, "-busybox cannot"),
    ("needed", {"packages": ["-busybox"]}, 400, "-busybox"),
    ("needed, absolutely", {"packages": ["luci", "-busybox"], "diff_packages": True}, 400, "-busybox"),
    ("part of every image", {"packages": ["-libgcc"]}, 400, "-libgcc"),
    ("unknown", {"packages": ["no-such"]}, 422, "no-such"),
    ("unknown, absolutely", {"packages": [*OWN, "no-such"], "diff_packages": True}, 422, "no-such"),
    ("unknown with version", {"packages_versions": {"no-such": "1"}}, 422, "no-such"),
    ("another version", {"packages_versions": {"luci": "1"}}, 500, "luci version not as requested: 1 vs. 25.191"),
    ("another version of a default", {"packages_versions": {"dropbear": "1"}}, 500, "dropbear version not as"),
    ("a removal with version", {"packages_versions": {"-vim": ""}}, 400, "packages_versions"),
    ("nothing named", {"packages_versions": {"": "1"}}, 400, "packages_versions"),
]
# fmt: on


@pytest.mark.parametrize(("asked", "wanted"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_a_list_comes_to_words(client: Client, asked: dict[str, Any], wanted: list[str]) -> None:
    answer = ask(client, **{"packages": None, **asked})

    assert answer.status_code == 202, answer.content
    assert words(answer) == wanted


@pytest.mark.parametrize(("asked", "status", "said"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_list_that_makes_no_sense_is_refused(client: Client, asked: dict[str, Any], status: int, said: str) -> None:
    answer = ask(client, **{"packages": None, **asked})

    assert answer.status_code == answer.json()["status"] == status
    assert said in answer.json()["detail"]
    assert not ImageRequest.objects.exists()
