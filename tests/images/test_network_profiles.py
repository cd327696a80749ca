"""A request may name a network profile: its files and packages get into the image."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from builders.models import Build
from builders.spec import BuildSpec
from images import settling
from images.models import ImageRequest
from packages import generation
from packages.models import Distribution, NetworkProfile, Organisation, Target
from tests.images.factories import ask, make_target, words
from tests.images.publications import publish
from tests.images.test_schema import check

pytestmark = pytest.mark.django_db

NAME = "libremesh/antennas"
KEY = b"the-key-of-the-mesh"


@pytest.fixture(autouse=True)
def target() -> Target:
    return make_target()


@pytest.fixture
def profile() -> NetworkProfile:
    row = NetworkProfile.objects.create(name=NAME, is_general=True, packages="tcpdump -firewall4")
    row.files.create(path="etc/config/lime", content=KEY)
    row.files.create(path="etc/init.d/lime", content=b"#!/bin/sh\n", mode=0o755)
    return row


def spec_of(answer: Any) -> BuildSpec:
    assert answer.status_code == 202, answer.content
    return BuildSpec.from_json(Build.objects.get(spec_hash=answer.json()["request_hash"]).spec)


def test_its_files_and_packages_are_built_in(client: Client, profile: NetworkProfile) -> None:
    answer = ask(client, network_profile=NAME)

    spec = spec_of(answer)
    assert [(file.path, file.mode) for file in spec.files] == [("etc/config/lime", 0o644), ("etc/init.d/lime", 0o755)]
    assert set(spec.packages) == {"luci", "tcpdump", "-firewall4"}
    assert answer.json()["request"]["network_profile"] == NAME


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_one_nothing_changes(client: Client, profile: NetworkProfile, nothing: Any) -> None:
    answer = ask(client, network_profile=nothing)

    assert spec_of(answer).files == () and set(words(answer)) == {"luci"}
    assert answer.json()["request"]["network_profile"] is None
    assert answer.json()["request_hash"] == ask(client).json()["request_hash"]


# -- what counts ---------------------------------------------------------------------------------------------


def test_what_the_request_says_of_a_package_counts(client: Client, profile: NetworkProfile) -> None:
    profile.packages = "tcpdump vim -firewall4 -dropbear"
    profile.save()

    answer = ask(client, network_profile=NAME, packages=["-tcpdump", "firewall4"])

    assert set(words(answer)) == {"vim", "-dropbear"}


def test_an_absolute_list_gets_them_too(client: Client, profile: NetworkProfile) -> None:
    plain = set(words(ask(client, packages=["luci", "busybox", "dropbear", "firewall4"], diff_packages=True)))
    with_it = set(
        words(ask(client, packages=["luci", "busybox", "dropbear"], diff_packages=True, network_profile=NAME))
    )

    assert with_it == plain | {"tcpdump", "-firewall4"}


def test_an_empty_absolute_list_still_means_the_defaults(client: Client, profile: NetworkProfile) -> None:
    answer = ask(client, packages=[], diff_packages=True, network_profile=NAME)

    assert set(words(answer)) == {"tcpdump", "-firewall4"}


def test_what_is_there_anyway_and_what_is_not_there_are_no_words(client: Client, profile: NetworkProfile) -> None:
    profile.packages = "busybox -vim"
    profile.save()

    assert set(words(ask(client, network_profile=NAME))) == {"luci"}


def test_a_package_that_the_target_lacks_is_named(client: Client, profile: NetworkProfile) -> None:
    profile.packages = "vim lime-app lime-more"
    profile.save()

    answer = ask(client, network_profile=NAME)

    assert answer.status_code == 400
    assert answer.json()["detail"] == (
        f"network_profile: {NAME} needs packages that ath79/generic of 24.10.2 lacks: lime-app, lime-more"
    )


# -- what is the same ----------------------------------------------------------------------------------------


def test_the_same_content_under_two_names_is_one_image(client: Client, profile: NetworkProfile) -> None:
    twin = NetworkProfile.objects.create(name="other/name", is_general=True, packages=" -firewall4\ntcpdump ")
    for file in profile.files.all():
        twin.files.create(path=file.path, content=file.content, mode=file.mode)

    hashes = {ask(client, network_profile=name).json()["request_hash"] for name in (NAME, "other/name")}

    assert len(hashes) == 1 and Build.objects.count() == 1


@pytest.mark.parametrize("change", ["content", "mode", "path", "words"])
def test_a_change_of_its_content_makes_another_image(client: Client, profile: NetworkProfile, change: str) -> None:
    before = ask(client, network_profile=NAME).json()["request_hash"]
    if change == "words":
        NetworkProfile.objects.update(packages="tcpdump")
    else:
        value = {"content": b"other", "mode": 0o755, "path": "etc/config/lime2"}[change]
        profile.files.filter(path="etc/config/lime").update(**{change: value})
    generation.bump()

    assert ask(client, network_profile=NAME).json()["request_hash"] != before


def test_a_change_of_what_people_read_makes_no_other_image(client: Client, profile: NetworkProfile) -> None:
    before = ask(client, network_profile=NAME).json()["request_hash"]
    NetworkProfile.objects.update(title="Antennas", description="All of them", is_public=True)

    assert ask(client, network_profile=NAME).json()["request_hash"] == before


# -- bad input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["no/such", "NO", "libremesh/antena", "a/b/c"])
def test_an_unknown_one_is_refused(client: Client, profile: NetworkProfile, name: str) -> None:
    answer = ask(client, network_profile=name)

    assert answer.status_code == 400
    detail = f"network_profile: '{name}' is none of the network profiles for openwrt."
    assert answer.json()["detail"] == detail + (f" Similar: {NAME}." if name.startswith("libre") else "")
    assert not ImageRequest.objects.exists()


@pytest.mark.parametrize(
    "value",
    [
        *(1, True, [], ["a/b"], {}, 1.5),
        *(
            "../x",
            "/x",
            "x/",
            "a//b",
            "a/b/c/d",
            "a b",
            "a\n",
            "a\0b",
            "\uff41",
            "x" * 200,
            "$(id)",
            ".",
            "a/.b",
            "'",
            "%",
        ),
    ],
)
def test_what_is_no_name_is_refused_with_a_sentence(client: Client, profile: NetworkProfile, value: Any) -> None:
    answer = ask(client, network_profile=value)

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("network_profile: ")
    assert 'the name of a network profile, e.g. "libremesh/antennas"' in answer.json()["detail"]


def test_one_that_is_disabled_or_for_another_distribution_is_unknown(client: Client, profile: NetworkProfile) -> None:
    NetworkProfile.objects.update(is_general=False)
    profile.distributions.add(Distribution.objects.create(name="lede", url="https://x.example.org"))
    assert ask(client, network_profile=NAME).status_code == 400

    profile.distributions.add(Distribution.objects.get(name="openwrt"))
    assert ask(client, network_profile=NAME).status_code == 202

    NetworkProfile.objects.update(is_enabled=False)
    assert ask(client, network_profile=NAME).status_code == 400


# -- a target whose documents are not here yet ---------------------------------------------------------------


def test_a_request_that_waits_keeps_it(client: Client, profile: NetworkProfile, settings: Any) -> None:
    settings.ASU_PREPARE_WAIT = 0
    later = make_target("ramips/mt7621", is_complete=False)
    answers = [ask(client, target="ramips/mt7621", network_profile=name) for name in (NAME, None)]
    early = answers[0].json()["request_hash"]
    assert [answer.json()["imagebuilder_status"] for answer in answers] == ["init", "init"]
    assert early != answers[1].json()["request_hash"]

    later.delete()
    settling.prepare(make_target("ramips/mt7621").pk)

    final = ImageRequest.objects.get(request_hash=early).resolved_to
    assert final is not None and final.build is not None
    assert len(final.build.spec["files"]) == 2 and "tcpdump" in final.build.spec["packages"]
    assert final.echo["network_profile"] == NAME


def test_an_unknown_one_is_refused_before_the_documents_are_here(client: Client, settings: Any) -> None:
    settings.ASU_PREPARE_WAIT = 0
    make_target("ramips/mt7621", is_complete=False)

    answer = ask(client, target="ramips/mt7621", network_profile="no/such")

    assert answer.status_code == 400 and answer.json()["detail"].startswith("network_profile: ")
    assert not ImageRequest.objects.exists()


# -- what is told --------------------------------------------------------------------------------------------


def page_of(client: Client, answer: Any) -> str:
    return client.get(f"/images/{answer.json()['request_hash']}/").content.decode()


def test_the_page_of_an_image_names_it_and_never_what_stands_in_its_files(
    client: Client, profile: NetworkProfile
) -> None:
    answer = ask(client, network_profile=NAME)

    page = page_of(client, answer)
    assert NAME in page and "2 files" in page and "etc/config/lime" not in page

    NetworkProfile.objects.update(is_public=True)
    page = page_of(client, answer)
    assert "/etc/config/lime" in page and KEY.decode() not in page


def test_no_public_answer_holds_what_stands_in_its_files(client: Client, profile: NetworkProfile) -> None:
    NetworkProfile.objects.update(is_public=True)
    asked = ask(client, network_profile=NAME)
    request_hash = asked.json()["request_hash"]
    publish(ImageRequest.objects.get(request_hash=request_hash))

    spec = Build.objects.get(spec_hash=request_hash).spec
    stored = spec["files"][0]["content"]
    assert stored
    for path in ("/", "/images/", "/network-profiles/", "/api/v1/network-profiles", f"/api/v1/build/{request_hash}"):
        told = client.get(path).content.decode()
        assert KEY.decode() not in told and stored not in told
    assert stored not in ask(client, network_profile=NAME).content.decode()


def test_not_even_the_admin_shows_what_was_put_into_a_build(admin_client: Client, profile: NetworkProfile) -> None:
    build = Build.objects.get(spec_hash=ask(Client(), network_profile=NAME).json()["request_hash"])

    page = admin_client.get(f"/admin/builders/build/{build.pk}/change/").content.decode()

    assert "etc/config/lime" in page
    assert build.spec["files"][0]["content"] not in page and KEY.decode() not in page


def test_the_list_for_people_tells_what_each_is_for(client: Client, profile: NetworkProfile) -> None:
    NetworkProfile.objects.update(title="Antennas <b>", description="Line one\nand two")

    page = client.get("/network-profiles/").content.decode()

    assert "Antennas &lt;b&gt;" in page and "Line one<br>and two" in page and "every distribution" in page
    assert "etc/config" not in page
    NetworkProfile.objects.update(is_public=True)
    assert "/etc/config/lime" in client.get("/network-profiles/").content.decode()


def test_an_empty_list_says_so(client: Client) -> None:
    assert "None yet" in client.get("/network-profiles/").content.decode()


@pytest.mark.parametrize("default", ["openwrt", "elsewhere"])
def test_the_list_leads_programs_to_where_there_is_one(
    client: Client, profile: NetworkProfile, settings: Settings, default: str
) -> None:
    settings.ASU_DEFAULT_DISTRIBUTION = default

    [address] = re.findall(r'href="(/[^"]*api/v1/network-profiles)"', client.get("/network-profiles/").content.decode())

    assert client.get(address).status_code == 200


def test_the_list_for_programs_fits_the_schema(client: Client, profile: NetworkProfile) -> None:
    for is_public in (False, True):
        NetworkProfile.objects.update(is_public=is_public)
        answer = client.get("/api/v1/network-profiles")
        check(answer, "/api/v1/network-profiles")

    [found] = answer.json()["network_profiles"]
    assert found["name"] == NAME and found["packages"] == ["tcpdump", "-firewall4"]
    assert found["files"][1] == {"path": "etc/init.d/lime", "mode": "755", "size": 10}
    check(ask(client, network_profile=NAME), "/api/v1/build", "post")
    assert client.get("/nobody/api/v1/network-profiles").status_code == 404


def test_below_a_distribution_are_those_that_are_for_it(client: Client, profile: NetworkProfile) -> None:
    lede = Distribution.objects.create(name="lede", url="https://x.example.org")
    NetworkProfile.objects.create(name="old/lede").distributions.add(lede)

    def names(path: str) -> list[str]:
        return [each["name"] for each in client.get(path).json()["network_profiles"]]

    assert names("/lede/api/v1/network-profiles") == [NAME, "old/lede"]
    assert names("/openwrt/api/v1/network-profiles") == names("/api/v1/network-profiles") == [NAME]


def test_members_see_theirs_in_both_lists(client: Client, profile: NetworkProfile) -> None:
    from images import client_tokens

    meadow = Organisation.objects.create(name="meadow")
    NetworkProfile.objects.create(name="meadow/site", is_general=True, organisation=meadow)
    member = Client(HTTP_AUTHORIZATION=f"Bearer {client_tokens.issue('m', organisation=meadow)}")

    assert "meadow/site" in json.dumps(member.get("/api/v1/network-profiles").json())
    assert "meadow/site" in member.get("/network-profiles/").content.decode()
    assert "meadow/site" not in client.get("/network-profiles/").content.decode()


def test_long_lists_cost_a_fixed_number_of_looks(
    client: Client, profile: NetworkProfile, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        row = NetworkProfile.objects.create(name=f"many/{number}", is_public=True)
        row.distributions.add(Distribution.objects.get(name="openwrt"))
        row.files.create(path="etc/x", content=b"x")

    with django_assert_num_queries(5):
        client.get("/api/v1/network-profiles")
