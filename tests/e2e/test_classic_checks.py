"""POST /update-request and /api/upgrade-check, each row of their tables, through a real socket."""

from typing import Any

import pytest

from packages.models import Distribution, PackageChange, Release, Target
from tests.e2e.classic import Classic
from tests.images.factories import PACKAGES, make_target

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

UPDATE = "/update-request"
CHECK = "/api/upgrade-check"
INSTALLED = {"base-files": "1637~d9340319c6", "luci": "25.191.67434~f5fd9bb", "dropbear": "2024.85-r1"}


def device(**changes: Any) -> dict[str, Any]:
    """The body of a check; None takes a field out."""
    body = {"distro": "OpenWrt", "version": "24.10.2", "target": "ath79", "subtarget": "generic", **changes}
    return {name: value for name, value in body.items() if value is not None}


@pytest.fixture
def newer() -> Target:
    return make_target(version="24.10.3", packages={**PACKAGES, "dropbear": "2025.1-r1"})


# the order of decisions of the first generation


@pytest.mark.parametrize("name", ["distro", "version", "target", "subtarget"])
def test_what_lacks_a_field_is_told_what_is_needed(classic: Classic, name: str) -> None:
    answer = classic.ask(UPDATE, device(**{name: None}))

    assert answer.status == 400
    assert answer.json() == {"error": "missing parameters - need distro version target subtarget"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"distro": "nobody", "version": "1"}, "unknown distribution nobody"),
        ({"version": "17.01.9", "target": "none"}, "unknown release 17.01.9"),
        ({"target": "ar71xx"}, "unknown target ar71xx/generic"),
    ],
)
@pytest.mark.parametrize(("path", "status"), [(UPDATE, 400), (CHECK, 412)])
def test_what_is_unknown_is_named_in_order(
    classic: Classic, path: str, status: int, changes: dict[str, Any], sentence: str
) -> None:
    answer = classic.ask(path, device(**changes))

    assert (answer.status, answer.json()) == (status, {"error": sentence})


@pytest.mark.parametrize(("path", "status"), [(UPDATE, 400), (CHECK, 412)])
def test_a_target_that_is_switched_off_is_not_supported(classic: Classic, path: str, status: int) -> None:
    Target.objects.update(is_enabled=False)

    answer = classic.ask(path, device())

    assert (answer.status, answer.json()) == (status, {"error": "target currently not supported ath79/generic"})


def test_documents_that_are_not_here_are_waited_for(classic: Classic) -> None:
    from django_q.models import OrmQ

    make_target(version="24.10.3", is_complete=False)

    first, later = classic.ask(UPDATE, device()), classic.ask(CHECK, device())

    assert (first.status, first.json()) == (201, {})
    assert first.headers["Cache-Control"] == "no-store"
    assert (later.status, later.json()) == (202, {})
    assert later.headers["X-Imagebuilder-Status"] == "initialize"
    assert any(row.func() == "images.tasks.prepare" for row in OrmQ.objects.all())


def test_a_snapshot_may_always_be_newer(classic: Classic) -> None:
    make_target(version="SNAPSHOT")

    for path in (UPDATE, CHECK):
        answer = classic.ask(path, device(version="snapshot"))
        assert (answer.status, answer.json()) == (200, {"version": "SNAPSHOT"})


@pytest.mark.parametrize(("revision", "status"), [("r28739-d9340319c6", 204), ("r28000-aaaaaaaaaa", 200)])
def test_a_snapshot_that_tells_its_revision_is_compared_by_it(classic: Classic, revision: str, status: int) -> None:
    make_target(version="SNAPSHOT")

    assert classic.ask(CHECK, device(version="SNAPSHOT", revision=revision)).status == status


@pytest.mark.parametrize("path", [UPDATE, CHECK])
def test_a_newer_release_is_told(classic: Classic, newer: Target, path: str) -> None:
    answer = classic.ask(path, device())

    assert (answer.status, answer.json()) == (200, {"version": "24.10.3"})


@pytest.mark.parametrize("path", [UPDATE, CHECK])
def test_who_tells_its_packages_gets_those_of_the_new_image_and_what_is_newer(
    classic: Classic, newer: Target, path: str
) -> None:
    answer = classic.ask(path, device(packages=INSTALLED))

    body = answer.json()
    assert body["version"] == "24.10.3"
    assert set(INSTALLED) <= set(body["packages"])
    assert body["updates"] == body["upgrades"] == {"dropbear": ["2025.1-r1", "2024.85-r1"]}


def test_the_answer_is_what_an_image_can_be_asked_for_with(classic: Classic, newer: Target) -> None:
    body = classic.ask(UPDATE, device(packages=INSTALLED)).json()

    answer = classic.ask(
        "/image-request", device(board="archer-c7-v2", version=body["version"], packages=body["packages"])
    )

    assert answer.json() == {"queue": 1}


def test_packages_that_changed_their_names_are_told_by_their_new_ones(classic: Classic, newer: Target) -> None:
    PackageChange.objects.create(
        distribution=Distribution.objects.get(),
        kind="renamed",
        sources=["vim-tiny"],
        targets=["vim"],
        version="24.10.3",
        why="It is one package now.",
    )
    PackageChange.objects.create(
        distribution=Distribution.objects.get(), kind="dropped", sources=["old-thing"], version="24.10.3", why="Gone."
    )

    body = classic.ask(UPDATE, device(packages={**INSTALLED, "vim-tiny": "8.2-1", "old-thing": "1"})).json()

    assert "vim" in body["packages"]
    assert not {"vim-tiny", "old-thing"} & set(body["packages"])


@pytest.mark.parametrize("sent", [1, True, "1", "yes", 0])
def test_newer_packages_of_the_same_release_are_news_for_who_wants_them(classic: Classic, sent: Any) -> None:
    answer = classic.ask(UPDATE, device(packages=INSTALLED, update_packages=sent))

    body = answer.json()
    assert answer.status == 200
    assert body["version"] == "24.10.2"
    assert body["updates"] == {"dropbear": ["2024.86-r1", "2024.85-r1"]}


@pytest.mark.parametrize("name", ["packages", "installed"])
@pytest.mark.parametrize(("sent", "status"), [("1", 200), (1, 200), ("0", 204), (0, 204), (None, 204), (False, 204)])
def test_later_clients_say_no_by_zero(classic: Classic, name: str, sent: Any, status: int) -> None:
    answer = classic.ask(CHECK, device(**{name: INSTALLED}, upgrade_packages=sent))

    assert answer.status == status
    if status == 200:
        assert answer.json()["upgrades"] == {"dropbear": ["2024.86-r1", "2024.85-r1"]}
        assert "packages" in answer.json()


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        (UPDATE, {}),
        (UPDATE, {"packages": INSTALLED}),
        (UPDATE, {"packages": PACKAGES, "update_packages": 1}),
        (UPDATE, {"update_packages": 1}),
        (CHECK, {"packages": PACKAGES, "upgrade_packages": "1"}),
        (CHECK, {"target": "ath79/generic", "subtarget": None, "installed": PACKAGES, "upgrade_packages": 1}),
    ],
)
def test_who_has_the_newest_gets_an_empty_204(classic: Classic, path: str, changes: dict[str, Any]) -> None:
    answer = classic.ask(path, device(**changes))

    assert answer.status == 204
    assert answer.body == b""


def test_pre_releases_are_no_news(classic: Classic) -> None:
    make_target(version="25.12.0-rc1")

    assert classic.ask(UPDATE, device()).status == 204


# devices that newer releases dropped


def test_who_runs_the_newest_release_that_has_its_target_is_told_so(classic: Classic) -> None:
    make_target("x86/64", version="25.12.0")

    answers = [classic.ask(path, device()) for path in (UPDATE, CHECK)]

    assert [answer.status for answer in answers] == [400, 400]
    for answer in answers:
        assert "ath79/generic was dropped after 24.10.2" in answer.json()["error"]


def test_who_runs_an_older_one_is_told_of_the_newest_that_has_it(classic: Classic, newer: Target) -> None:
    make_target("x86/64", version="25.12.0")

    assert classic.ask(UPDATE, device()).json() == {"version": "24.10.3"}


def test_a_distribution_that_goes_on_under_another_name_is_asked_for_by_its_own(classic: Classic) -> None:
    make_target(version="17.01.4", distribution="lede")
    Distribution.objects.filter(name="lede").update(successor=Distribution.objects.get(name="openwrt"))

    told = classic.ask(UPDATE, device(distro="LEDE", version="17.01.4")).json()
    answer = classic.ask("/image-request", device(distro="LEDE", board="archer-c7-v2", **told))

    assert told == {"version": "24.10.2"}
    assert answer.json() == {"queue": 1}


def test_a_release_that_is_offered_no_longer_is_known_to_who_runs_it(classic: Classic, newer: Target) -> None:
    Release.objects.filter(version="24.10.2").update(is_enabled=False)

    assert classic.ask(UPDATE, device()).json() == {"version": "24.10.3"}


# what clients send


@pytest.mark.parametrize("path", ["//update-request", "/openwrt/update-request", "/update-request?1795424362881"])
def test_other_spellings_of_the_address_mean_the_same(classic: Classic, newer: Target, path: str) -> None:
    assert classic.ask(path, device()).json() == {"version": "24.10.3"}


@pytest.mark.parametrize("packages", [[], {}, ["base-files"], {"kernel": "4.4.71-1-abc", "libc": "1.1.16-1"}])
@pytest.mark.parametrize("path", [UPDATE, CHECK])
def test_lists_of_any_length_are_taken(classic: Classic, newer: Target, path: str, packages: Any) -> None:
    body = classic.ask(path, device(packages=packages)).json()

    assert body["version"] == "24.10.3"
    assert isinstance(body["packages"], list)
    assert isinstance(body["updates"], dict)


def test_a_version_that_is_no_text_is_not_known(classic: Classic, newer: Target) -> None:
    packages = {"base-files": None, "luci": 5, "dropbear": ["1"], "vim": "\u0000", "tcpdump": "x" * 9000}

    body = classic.ask(UPDATE, device(packages=packages, update_packages=1)).json()

    assert body["updates"] == {}


@pytest.mark.parametrize("packages", ["luci", 5, ["$(id)"], {"a b": "1"}, [["luci"]], {"": "1", "-x": "1"}])
def test_packages_that_are_no_names_are_refused(classic: Classic, packages: Any) -> None:
    answers = [classic.ask(path, device(packages=packages)) for path in (UPDATE, CHECK)]

    assert [answer.status for answer in answers] == [400, 400]
    assert all("packages" in answer.json()["error"] for answer in answers)
