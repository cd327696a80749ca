"""`asu check` against a server that cannot be asked: worked out from its documents, as owut does it."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Asu
from tests.cli.peer import OF_ARCH, OF_TARGET, PROFILE, REVISION, TARGET, VERSION, Peer, Told
from tests.cli.test_device import BOARD

INSTALLED = {
    "base-files": "1600~0425664679",
    "auc": "0.3.2-1",
    "dropbear": OF_ARCH["dropbear"],
    "kernel": "6.6.86",
    "kmod-nft-nat6": "6.6.86-r1",
    "libubox20240329": "2024.03.29-r1",
    "gone": "1",
}


@pytest.fixture
def board(asu: Asu) -> Path:
    path = asu.folder / "board.json"
    path.write_text(json.dumps(BOARD))
    return path


@pytest.fixture
def packages(asu: Asu) -> Path:
    path = asu.folder / "packages.json"
    path.write_text(json.dumps(INSTALLED))
    return path


def check(asu: Asu, *words: Any) -> Any:
    done = asu("check", "--json", *words)
    document = done.json()
    assert document["exit_code"] == done.code
    return document


def test_the_newest_release_of_the_branch_is_offered_with_all_that_changes(
    asu: Asu, board: Path, packages: Path
) -> None:
    found = check(asu, "--board", board, "--packages", packages)

    assert (found["status"], found["source"], found["installed"]) == ("newer", "documents", "24.10.1")
    assert (found["version"], found["version_code"], found["is_newer"]) == (VERSION, REVISION, True)
    assert found["updates"] == {"base-files": [OF_TARGET["base-files"], "1600~0425664679"]}
    # Renamed after the device's build it was not: that change is older. The mandatory one counts all the same.
    assert [(change["source"], change["target"]) for change in found["changes"]] == [("kmod-nft-nat6", None)]
    assert found["missing"] == ["auc", "gone"]
    assert found["request"] == {
        "version": VERSION,
        "target": TARGET,
        "profile": PROFILE,
        "client": "asu/0.1.0",
        "version_code": REVISION,
        "filesystem": "squashfs",
        "packages": ["base-files", "dropbear", "kernel", "libubox"],
        "diff_packages": True,
    }


def test_a_change_since_the_installed_build_is_applied(asu: Asu, board: Path, packages: Path) -> None:
    found = check(asu, "--board", board, "--packages", packages, "--revision", "r25000-abc")

    assert ("auc", "owut") in [(change["source"], change["target"]) for change in found["changes"]]
    assert "owut" in found["request"]["packages"]
    assert found["missing"] == ["gone"]


def test_people_read_it_in_sentences(asu: Asu, board: Path, packages: Path) -> None:
    done = asu("check", "--board", board, "--packages", packages)

    assert done.code == 0
    assert done.out.splitlines() == [
        f"{VERSION} ({REVISION}) is newer than 24.10.1.",
        "Packages with another version:",
        "  base-files  1600~0425664679 -> 1637~d9340319c6",
        "Packages that have changed:",
        "  kmod-nft-nat6 is gone since r20282",
        "Packages that are not there any more and are left out:",
        "  auc",
        "  gone",
    ]


def test_what_a_check_found_can_be_built(peer: Peer, asu: Asu, board: Path, packages: Path) -> None:
    found = asu("check", "--json", "--board", board, "--packages", packages)

    done = asu("build", "--from-check", "-", "--no-download", "--poll", "0.05", stdin=found.out)

    assert done.code == 0
    [seen] = peer.asked("POST", "/api/v1/build")
    assert seen.json() == found.json()["request"]


def test_nothing_newer_has_an_exit_code_of_its_own(asu: Asu) -> None:
    done = asu("check", "--version", VERSION, "--target", TARGET, "--profile", PROFILE)

    assert done.code == 3
    assert done.out == f"Nothing newer: {VERSION} is what there is for {PROFILE}.\n"


def test_from_nothing_newer_nothing_is_built(peer: Peer, asu: Asu) -> None:
    found = asu("check", "--json", "--version", VERSION, "--target", TARGET, "--profile", PROFILE)
    assert found.json()["request"] is None

    done = asu("build", "--from-check", "-", stdin=found.out)

    assert done.code == 2
    assert "nothing newer" in done.err


def test_why_a_check_failed_is_told_by_the_build_behind_it(asu: Asu) -> None:
    found = asu("check", "--json", "--version", VERSION, "--target", TARGET, "--profile", "acme")
    assert found.code == 4

    done = asu("build", "--from-check", "-", stdin=found.out)

    assert done.code == 2
    assert f"The standard input holds no request: asu check failed. {found.json()['error']}" in done.err


def test_newer_packages_of_the_same_release_count_unless_told_otherwise(asu: Asu) -> None:
    (asu.folder / "packages.txt").write_text("base-files - 1600\ndropbear - 2024.86-r1\n")
    device = ("--version", VERSION, "--target", TARGET, "--profile", PROFILE, "--packages", "packages.txt")

    assert asu("check", *device).code == 0
    assert asu("check", *device, "--no-package-updates").code == 3


def test_a_short_list_of_wishes_stays_one(asu: Asu) -> None:
    (asu.folder / "wishes.txt").write_text("dropbear\n")
    device = ("--version", "24.10.1", "--target", TARGET, "--profile", PROFILE, "--packages", "wishes.txt")

    assert check(asu, *device)["request"]["diff_packages"] is False


def test_another_branch_is_offered_only_when_asked_for(peer: Peer, asu: Asu) -> None:
    device = ("--version", "23.05.5", "--target", TARGET, "--profile", PROFILE)
    folder = f"/releases/23.05.5/targets/{TARGET}"
    peer.answers("GET", f"{folder}/profiles.json", Told.json(200, peer.profiles("23.05.5")))

    assert asu("check", *device).code == 3
    assert check(asu, *device, "--reach", "distribution")["version"] == VERSION


def test_pre_releases_are_for_who_runs_one(peer: Peer, asu: Asu) -> None:
    device = ("--target", TARGET, "--profile", PROFILE)

    assert check(asu, "--version", "24.10.1", *device)["version"] == VERSION
    assert check(asu, "--version", "24.10.10-rc0", *device)["version"] == "24.10.10-rc1"


def test_a_target_that_newer_releases_dropped_is_told(asu: Asu) -> None:
    done = asu("check", "--version", "23.05.5", "--target", "ath25/generic", "--profile", "generic")

    assert done.code == 3
    assert "24.10.2 has nothing for ath25/generic; 23.05.5 is the newest that has." in done.err


def test_a_target_that_no_release_has_is_refused(asu: Asu) -> None:
    done = asu("check", "--version", "24.10.1", "--target", "no/such", "--profile", "x")

    assert done.code == 4
    assert "offers nothing for no/such" in done.err


def test_a_device_that_the_release_does_not_have_is_refused(asu: Asu) -> None:
    done = asu("check", "--version", "24.10.1", "--target", TARGET, "--profile", "acme_toaster")

    assert done.code == 4
    assert "acme_toaster" in done.err


def test_a_snapshot_is_newer_by_its_revision(peer: Peer, asu: Asu) -> None:
    overview = peer.overview()
    overview["branches"]["SNAPSHOT"] = {
        "name": "SNAPSHOT",
        "enabled": True,
        "snapshot": True,
        "path": "snapshots",
        "versions": ["SNAPSHOT"],
        "targets": {TARGET: "mips_24kc"},
        "package_changes": [],
    }
    peer.answers("GET", "/json/v1/overview.json", Told.json(200, overview))
    newest = {**peer.profiles(VERSION), "version_code": "r30000-aaaaaaaaaa"}
    peer.answers("GET", f"/snapshots/targets/{TARGET}/profiles.json", Told.json(200, newest))
    device = ("--version", "SNAPSHOT", "--target", TARGET, "--profile", PROFILE)

    assert asu("check", *device, "--revision", "r30000-aaaaaaaaaa").code == 3
    assert check(asu, *device, "--revision", "r29999-bbbbbbbbbb")["version_code"] == "r30000-aaaaaaaaaa"


def test_a_mirror_that_is_away_leaves_the_rest_of_the_answer(peer: Peer, asu: Asu, packages: Path) -> None:
    peer.answers("GET", "/json/v1/overview.json", Told.json(200, peer.overview() | {"upstream_url": "http://[::1"}))

    found = check(asu, "--version", "24.10.1", "--target", TARGET, "--profile", PROFILE, "--packages", packages)

    assert found["version"] == VERSION
    assert found["version_code"] is None
    assert found["request"]["profile"] == PROFILE


@pytest.mark.parametrize(
    "overview", [[], {}, {"branches": []}, {"branches": {"x": 7}}, {"branches": {"x": {"name": 7}}}]
)
def test_an_overview_that_is_none_is_told(peer: Peer, asu: Asu, overview: Any) -> None:
    peer.answers("GET", "/json/v1/overview.json", Told.json(200, overview))

    assert asu("check", "--version", "24.10.1", "--target", TARGET, "--profile", PROFILE).code in (4, 6)


def test_a_path_in_the_overview_cannot_lead_elsewhere(peer: Peer, asu: Asu) -> None:
    overview = peer.overview()
    overview["branches"]["24.10"]["path"] = "../../admin"
    peer.answers("GET", "/json/v1/overview.json", Told.json(200, overview))

    asu("check", "--version", "24.10.1", "--target", TARGET, "--profile", PROFILE)

    assert not any("admin" in seen.path for seen in peer.seen)


def test_a_server_that_can_be_asked_is_believed(peer: Peer, asu: Asu, board: Path) -> None:
    verdict = {
        "status": 200,
        "is_newer": True,
        "version": "25.12.0",
        "version_code": "r33000-cccccccccc",
        "updates": {"dropbear": ["2", "1"]},
        "changes": [
            {"kind": "renamed", "sources": ["opkg"], "targets": ["apk-mbedtls"], "where": "25.12", "why": "apk came."},
            {"kind": "default", "sources": ["ca-bundle"], "targets": [], "where": "23.05", "why": "All need it."},
        ],
        "newer_channels": ["26.06.0"],
        "missing": {"gone": "It is nowhere."},
        "request": {"version": "25.12.0", "target": TARGET, "profile": PROFILE},
    }
    peer.answers("POST", "/api/v1/check", Told.json(200, verdict))

    done = asu("check", "--board", board)

    assert done.code == 0
    assert "25.12.0 (r33000-cccccccccc) is newer than 24.10.1." in done.out
    assert "  opkg is apk-mbedtls since 25.12: apk came." in done.out
    assert "  ca-bundle is in every image since 23.05: All need it." in done.out
    assert "  gone: It is nowhere." in done.out
    assert "26.06.0" in done.err and "--reach distribution" in done.err
    [seen] = peer.asked("POST", "/api/v1/check")
    assert seen.json()["profile"] == "tplink,archer-c7-v2"
    assert seen.json()["board"]["release"]["distribution"] == "OpenWrt"
    assert "distro" not in seen.json()
    assert seen.json()["revision"] == "r28597-0425664679"


def test_a_distribution_that_goes_on_under_another_name_is_told(peer: Peer, asu: Asu) -> None:
    request = {"distro": "openwrt", "version": "18.06.9", "target": "ar71xx/generic", "profile": "x"}
    verdict = {"status": 200, "is_newer": True, "version": "18.06.9", "newer_channels": ["18.06.9"], "request": request}
    peer.answers("POST", "/lede/api/v1/check", Told.json(200, verdict))
    device = ("--version", "17.01.7", "--target", "ar71xx/generic", "--profile", "x")

    done = asu("check", *device, "--server", f"{peer.base}/lede")

    assert done.code == 0
    assert "have it built at the address of openwrt, not of lede" in done.err
    assert "--reach" not in done.err


def test_a_distribution_that_the_user_names_is_meant(peer: Peer, asu: Asu, board: Path) -> None:
    peer.answers("POST", "/api/v1/check", Told.json(200, {"status": 200, "is_newer": False, "updates": {}}))

    assert asu("check", "--board", board, "--distribution", "LibreMesh").code == 3

    [seen] = peer.asked("POST", "/api/v1/check")
    assert seen.json()["distro"] == "libremesh"
    assert "board" not in seen.json()


def test_what_it_refuses_is_refused(peer: Peer, asu: Asu, board: Path) -> None:
    peer.answers("POST", "/api/v1/check", Told.json(400, {"status": 400, "detail": "version: nothing we know."}))

    done = asu("check", "--board", board)

    assert done.code == 4
    assert "version: nothing we know." in done.err


SSH = """#!/bin/sh
# What a router with this board would say over ssh: the command is really run, with its programs beside this file.
printf '%s\\n' "$@" > "$(dirname "$0")/arguments"
for last; do :; done
PATH="$(dirname "$0"):$PATH" exec sh -c "$last"
"""


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def router(asu: Asu) -> Path:
    """A folder of programs: ssh, and those that a router has."""
    folder = asu.home / "bin"
    folder.mkdir()
    program(folder, "ssh", SSH)
    program(folder, "ubus", f"#!/bin/sh\n[ \"$*\" = 'call system board' ] && cat <<'E'\n{json.dumps(BOARD)}\nE\n")
    program(folder, "apk", "#!/bin/sh\n[ \"$*\" = 'list -I' ] && echo 'base-files-1600~0425 mips {x} () [installed]'\n")
    asu.environment["PATH"] = f"{folder}:{asu.environment['PATH']}"
    return folder


def test_a_router_is_asked_over_ssh(asu: Asu, router: Path) -> None:
    found = check(asu, "--ssh", "root@192.0.2.1")

    assert found["updates"] == {"base-files": [OF_TARGET["base-files"], "1600~0425"]}
    arguments = (router / "arguments").read_text()
    assert "--\nroot@192.0.2.1\n" in arguments


def test_a_login_cannot_be_an_option_of_ssh(asu: Asu, router: Path) -> None:
    done = asu("check", "--ssh", "-oProxyCommand=touch /tmp/x")

    assert done.code == 2
    assert not (router / "arguments").exists()


def test_ssh_that_fails_is_told(asu: Asu, router: Path) -> None:
    program(router, "ssh", "#!/bin/sh\necho 'no route to host' >&2; exit 255\n")

    done = asu("check", "--ssh", "root@192.0.2.1")

    assert done.code == 1
    assert "no route to host" in done.err
    assert "status 255" in done.err
