"""Every list, page and button of the admin, as each role calls it, for rows of one's own, of others, and private ones.

Whoever adds a model to the admin says whose its rows are (`<app>/owned.py`) and gives it rows in `World`; an address
that nobody calls here makes a test fail.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone
from pytest_django import Settings

from builders.models import Attempt, Build, ImageBuilder, JoinToken, Worker
from builders.states import State
from images.models import ClientToken, Image, ImageFile, ImageRequest
from news.models import Subscription
from packages import generation, reach, roles
from packages.lists.fast import FastList
from packages.models import (
    AllowedRepository,
    Channel,
    Distribution,
    DistributionKey,
    Feed,
    FlashLimit,
    FlavourDevice,
    ListedDevice,
    Maintainership,
    NetworkProfile,
    NetworkProfileFile,
    Organisation,
    Package,
    PackageChange,
    Profile,
    Release,
    Series,
    SeriesFeed,
    SyncRun,
    Target,
)
from packages.roles import GROUPS, Role
from packages.sync import probing
from stats.models import DailyCount, Incident
from tests.factories import make_build, make_spec
from tests.images.factories import make_target

pytestmark = pytest.mark.django_db

MINE, OTHERS, PRIVATE = "ours", "theirs", "veiled"
# Made for the whole server; and what no role but the operator's has to do with.
SHARED: tuple[type[Model], ...] = (Worker, JoinToken)
FOR_OPERATORS = {"auth.user", "admin.logentry", "packages.signintrouble", "news.subscription", "news.delivery"} | {
    f"django_q.{name}" for name in ("schedule", "success", "failure", "ormq")
}
OURS = ("packages", "builders", "images", "stats")


@dataclass
class World:
    """A public distribution of a maintainer's own, one of others, and a private one of others."""

    rows: dict[type[Model], dict[str, Model]] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)


def _fill(world: World, name: str, organisation: Organisation | None) -> None:
    target = make_target(f"{name}/generic", distribution=name)
    release = target.release
    distribution = release.distribution
    Distribution.objects.filter(pk=distribution.pk).update(organisation=organisation, title=name.title())
    distribution.refresh_from_db()
    series = Series.objects.create(distribution=distribution, name="1", base_releases="24.10")
    profile = NetworkProfile.objects.create(name=f"{name}/net", organisation=organisation)
    profile.distributions.add(distribution)
    build = make_build(State.FAILED, make_spec(distribution=name, target=f"{name}/generic"))
    request = ImageRequest.objects.create(
        request_hash=build.spec_hash,
        distribution=name,
        version="24.10.2",
        target=f"{name}/generic",
        profile=f"{name}-device",
        echo={},
        organisation=organisation,
        build=build,
    )
    now = timezone.now()
    image = Image.objects.create(request=request, profile_json={}, manifest={}, published_at=now, last_asked_at=now)
    made: list[Model] = [
        *(distribution, release, target, release.channel, series, profile, build, request, image),
        SeriesFeed.objects.create(series=series, name="feed", path="x"),
        FlavourDevice.objects.create(distribution=distribution, profile="box"),
        DistributionKey.objects.create(distribution=distribution, kind="usign", text=f"key of {name}"),
        PackageChange.objects.create(distribution=distribution, kind="rename", sources=["a"], targets=["b"]),
        AllowedRepository.objects.create(distribution=distribution, address=f"https://{name}.example.org/x"),
        NetworkProfileFile.objects.create(profile=profile, path=f"etc/{name}", content=b"x"),
        ImageFile.objects.create(image=image, name=f"{name}.bin", size=1, sha256="0" * 64, sha256_unsigned="0" * 64),
        ImageBuilder.objects.create(sha256=name.ljust(64, "0"), distribution=name, version="1", target="a/b", url="x"),
        Attempt.objects.get(build=build),
        SyncRun.objects.create(distribution=distribution, state="failed", errors=[f"{name} fails"]),
        ListedDevice.objects.create(release=release, target=f"{name}/generic", profile=f"{name}-device"),
        FlashLimit.objects.create(distribution=name, target="a/b", profile=f"{name}-device", size=1, source="build"),
        Incident.objects.create(distribution=distribution, title=f"{name} is slow"),
        DailyCount.objects.create(day="2026-01-01", name="builds", distribution=name),
        ClientToken.objects.create(name=f"{name} token", token_hash=name, organisation=organisation),
        *(Profile.objects.filter(target=target)[:1]),
        *(Feed.objects.filter(release=release)[:1]),
        *(Package.objects.filter(feed__release=release)[:1]),
    ]
    for row in made:
        world.rows.setdefault(type(row), {})[name] = row
    owner = organisation or Organisation.objects.create(name=f"org-{name}")
    world.rows.setdefault(Organisation, {})[name] = owner


def account(role: Role, *distributions: str) -> User:
    user = User.objects.create_user(role.value, is_staff=True, is_superuser=role == Role.OPERATOR)
    user.groups.set(Group.objects.filter(name=GROUPS.get(role, "")))
    for row in Distribution.objects.filter(name__in=distributions):
        Maintainership.objects.create(user=user, distribution=row)
    return user


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    found = World()
    secret = Organisation.objects.create(name="secret", title="Veiled Net")
    for name, owner in ((MINE, None), (OTHERS, None), (PRIVATE, secret)):
        _fill(found, name, owner)
    for row in (Worker.objects.first(), JoinToken.objects.create(token_hash="x", expires_at="2030-01-01T00:00Z")):
        assert row is not None
        found.rows[type(row)] = {"shared": row}
    for role, distributions in ((Role.VIEWER, ()), (Role.MAINTAINER, (MINE,)), (Role.OPERATOR, ())):
        found.users[role] = account(role, *distributions)
        client = found.clients[role] = Client()
        client.force_login(found.users[role])
    generation.bump()
    yield found


def registered() -> list[type[Model]]:
    return list(admin.site._registry)


def name_of(model: type[Model]) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}"


# -- nothing is forgotten ----------------------------------------------------------------------------------


def test_of_each_list_it_is_known_whose_its_rows_are(world: World) -> None:
    known = {model for model in registered() if reach.of(model)}
    rest = {model._meta.label_lower for model in registered()} - {model._meta.label_lower for model in known}

    assert rest == FOR_OPERATORS
    assert known <= world.rows.keys() | set(SHARED)


def test_each_address_about_a_row_is_watched() -> None:
    """Pages of one's own too: what they do is for whose row it is. Other names for it would pass unseen."""
    unwatched = []
    for model, model_admin in admin.site._registry.items():
        for pattern in model_admin.get_urls():
            assert isinstance(pattern, URLPattern)
            unknown = set(pattern.pattern.converters) - {"pk", "object_id", "id"}
            if unknown or not hasattr(pattern.callback, "__wrapped__"):
                unwatched.append((model, pattern.pattern))
    # Django's own redirect of addresses of before, and the choice of a password.
    assert [str(route) for _, route in unwatched if "path:object_id" not in str(route)] == []


# -- what is seen ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", registered(), ids=lambda model: model._meta.label_lower)
def test_lists_and_pages_by_role(world: World, model: type[Model]) -> None:
    statuses = {role: client.get(reverse(f"{name_of(model)}_changelist")).status_code for role, client in _all(world)}

    if model._meta.label_lower in FOR_OPERATORS:
        assert statuses == {Role.VIEWER: 403, Role.MAINTAINER: 403, Role.OPERATOR: 200}
        return
    assert set(statuses.values()) == {200}
    for whose, row in world.rows[model].items():
        page = reverse(f"{name_of(model)}_change", args=[row.pk])
        for role, client in _all(world):
            answers = [client.get(page).status_code, client.get(f"{page.removesuffix('change/')}history/").status_code]
            hidden = role != Role.OPERATOR and (whose == PRIVATE or model is Organisation)
            # Django sends home who asks for what is not there.
            assert answers == ([302, 302] if hidden else [200, 200]), (whose, role)


def _all(world: World) -> Any:
    return world.clients.items()


@pytest.mark.parametrize("model", registered(), ids=lambda model: model._meta.label_lower)
def test_nothing_private_is_named_to_others(world: World, model: type[Model]) -> None:
    if model._meta.label_lower in FOR_OPERATORS:
        return
    places = [reverse(f"{name_of(model)}_changelist"), f"{reverse(f'{name_of(model)}_changelist')}?q=veil"]
    places += [
        reverse(f"{name_of(model)}_change", args=[row.pk])
        for whose, row in world.rows[model].items()
        if whose != PRIVATE and model is not Organisation
    ]
    for role in (Role.VIEWER, Role.MAINTAINER):
        for place in [*places, reverse(f"{name_of(model)}_add")]:
            text = world.clients[role].get(place).content.decode().replace('value="veil"', "")

            assert "veiled" not in text.lower(), (role, place)


def test_nothing_private_is_named_by_the_first_page_or_the_live_parts(world: World) -> None:
    Build.objects.update(state=State.BUILDING, worker=Worker.objects.first(), started_at="2026-01-01T00:00Z")
    Distribution.objects.update(stale_since="2026-01-01T00:00Z", sync_error="gone")
    build, worker = world.rows[Build], world.rows[Worker]["shared"]
    places = [
        reverse("admin:index"),
        reverse("admin:today_live"),
        reverse("admin:builders_worker_change", args=[worker.pk]),
        reverse("admin:builders_worker_live", args=[worker.pk]),
        f"{reverse('admin:builders_worker_live_list')}?ids={worker.pk}",
        f"{reverse('admin:builders_build_live_list')}?ids={','.join(str(row.pk) for row in build.values())}",
    ]
    for place in places:
        for role in (Role.VIEWER, Role.MAINTAINER):
            answer = world.clients[role].get(place)
            assert answer.status_code == 200, place
            assert "veiled" not in answer.content.decode().lower(), (role, place)
        if "build/live" in place:
            assert f"state-{build[PRIVATE].pk}" in world.clients[Role.OPERATOR].get(place).content.decode()
            assert f"state-{build[PRIVATE].pk}" not in world.clients[Role.MAINTAINER].get(place).content.decode()
        else:
            assert "veiled" in world.clients[Role.OPERATOR].get(place).content.decode().lower(), place
    secret = build[PRIVATE]
    for role in (Role.VIEWER, Role.MAINTAINER):
        assert world.clients[role].get(reverse("admin:builders_build_live", args=[secret.pk])).status_code == 404


def test_pages_of_everybody_follow_the_role(world: World) -> None:
    place = f"/images/{Build.objects.get(distribution=PRIVATE).spec_hash}/"
    public = f"/images/{Build.objects.get(distribution=OTHERS).spec_hash}/"

    assert [client.get(place).status_code for _, client in _all(world)] == [404, 404, 200]
    assert [client.get(public).status_code for _, client in _all(world)] == [200, 200, 200]
    mine = Distribution.objects.get(name=PRIVATE)
    Maintainership.objects.create(user=world.users[Role.MAINTAINER], distribution=mine)
    assert world.clients[Role.MAINTAINER].get(place).status_code == 200
    assert PRIVATE in world.clients[Role.MAINTAINER].get("/images/").content.decode()
    assert PRIVATE not in world.clients[Role.VIEWER].get("/images/").content.decode()


# -- what is changed ---------------------------------------------------------------------------------------

CHANGED_BY_MAINTAINERS = [
    model
    for app in OURS
    for model in apps.get_app_config(app).get_models()
    if (known := reach.of(model)) and "change" in known.may and model in admin.site._registry
]


@pytest.mark.parametrize("model", CHANGED_BY_MAINTAINERS, ids=lambda model: model._meta.label_lower)
def test_pages_are_sent_for_ones_own_rows_only(world: World, model: type[Model]) -> None:
    is_form = not _is_read_only(model)
    for whose, row in world.rows[model].items():
        page = reverse(f"{name_of(model)}_change", args=[row.pk])
        for role, client in _all(world):
            status = client.post(page, {"nothing": "sensible"}).status_code
            may = role == Role.OPERATOR or (role == Role.MAINTAINER and whose == MINE)
            is_there = role == Role.OPERATOR or whose != PRIVATE
            nobodys = client.post(page.replace(f"/{row.pk}/", "/987654/"), {}).status_code
            # 200: the form, with what is wrong with it.
            expected = (200, 302) if may and is_form else (403,) if is_there else (nobodys,)
            assert status in expected, (whose, role, status)


def _is_read_only(model: type[Model]) -> bool:
    return model in (Build, Image, ImageRequest)


@pytest.mark.parametrize("model", CHANGED_BY_MAINTAINERS, ids=lambda model: model._meta.label_lower)
def test_deleting_is_for_ones_own_rows_only(world: World, model: type[Model]) -> None:
    known = reach.of(model)
    assert known is not None
    for whose, row in world.rows[model].items():
        page = reverse(f"{name_of(model)}_delete", args=[row.pk])
        may = "delete" in known.may and whose == MINE
        assert (world.clients[Role.MAINTAINER].get(page).status_code == 200) == may, whose
        assert world.clients[Role.VIEWER].get(page).status_code in (302, 403)


@pytest.mark.parametrize(
    ("model", "action"), [(Build, "retry"), (Release, "disable"), (Image, "expire"), (Incident, "end")]
)
def test_actions_leave_the_rows_of_others_alone(world: World, model: type[Model], action: str) -> None:
    chosen = [row.pk for row in world.rows[model].values()]
    state = {pk: str(model._default_manager.values().get(pk=pk)) for pk in chosen}

    for role, changed in ((Role.VIEWER, set()), (Role.MAINTAINER, {MINE}), (Role.OPERATOR, {MINE, OTHERS, PRIVATE})):
        world.clients[role].post(
            reverse(f"{name_of(model)}_changelist"),
            {"action": action, "_selected_action": chosen, "confirmed": "yes"},
        )
        now = {
            whose
            for whose, row in world.rows[model].items()
            if str(model._default_manager.values().get(pk=row.pk)) != state[row.pk]
        }
        assert now == changed, role


def test_buttons_are_for_ones_own_rows(world: World) -> None:
    for whose, row in world.rows[Build].items():
        press = reverse("admin:builders_build_press", args=[row.pk])
        statuses = [client.post(press, {"order": "retry"}).status_code for _, client in _all(world)]
        hidden = 404 if whose == PRIVATE else 403
        assert statuses == [hidden, 302 if whose == MINE else hidden, 302], whose


def test_a_viewer_presses_nothing_anywhere(world: World) -> None:
    worker = world.rows[Worker]["shared"]
    viewer = world.clients[Role.VIEWER]

    for order in ("drain", "stop", "suspend", "approve"):
        press = reverse("admin:builders_worker_press", args=[worker.pk])
        assert viewer.post(press, {"order": order}).status_code == 403
    for model in registered():
        assert viewer.get(reverse(f"{name_of(model)}_add")).status_code == 403


def test_a_maintainer_moves_nothing_out_of_its_reach_or_into_it(world: World) -> None:
    client, rows = world.clients[Role.MAINTAINER], world.rows[Channel]
    other = world.rows[Distribution][OTHERS]
    form = {"distribution": other.pk, "name": "x", "path": "x", "branch_off_rev": ""}

    added = client.post(reverse("admin:packages_channel_add"), form)
    moved = client.post(reverse("admin:packages_channel_change", args=[rows[MINE].pk]), form)

    assert added.status_code == moved.status_code == 200
    assert "Select a valid choice" in added.content.decode()
    assert not Channel.objects.filter(name="x").exists()
    assert (
        client.post(
            reverse("admin:packages_channel_add"), {**form, "distribution": world.rows[Distribution][MINE].pk}
        ).status_code
        == 302
    )


def test_what_reaches_further_than_a_distribution_is_for_operators(world: World) -> None:
    client, mine = world.clients[Role.MAINTAINER], world.rows[Distribution][MINE]
    page = reverse("admin:packages_distribution_change", args=[mine.pk])
    text = client.get(page).content.decode()

    for name in ("url", "name", "organisation", "is_hosted", "built_on"):
        assert f'name="{name}"' not in text, name
    assert 'name="title"' in text
    repository = reverse("admin:packages_allowedrepository_add")
    client.post(repository, {"distribution": "", "address": "https://a.example.org/x", "is_inside_allowed": "on"})
    assert not AllowedRepository.objects.filter(distribution=None).exists()
    client.post(
        repository,
        {"distribution": mine.pk, "address": "https://b.example.org/x", "is_inside_allowed": "on", "is_enabled": "on"},
    )
    assert AllowedRepository.objects.get(address="https://b.example.org/x").is_inside_allowed is False


def test_a_network_profile_for_several_is_not_one_maintainers(world: World) -> None:
    profile = world.rows[NetworkProfile][MINE]
    page = reverse("admin:packages_networkprofile_change", args=[profile.pk])
    assert world.clients[Role.MAINTAINER].post(page, {}).status_code == 200

    assert isinstance(profile, NetworkProfile)
    profile.distributions.add(Distribution.objects.get(name=OTHERS))

    assert world.clients[Role.MAINTAINER].post(page, {}).status_code == 403


def test_choices_are_offered_of_what_is_there_for_the_person(world: World) -> None:
    field = {"app_label": "packages", "model_name": "release", "field_name": "channel"}
    answer = world.clients[Role.MAINTAINER].get(reverse("admin:autocomplete"), field)

    assert "veiled" not in answer.content.decode().lower()
    content_type = ContentType.objects.get_for_model(Distribution)
    private = world.rows[Distribution][PRIVATE]
    shortcut = reverse("admin:view_on_site", args=[content_type.pk, private.pk])
    assert world.clients[Role.VIEWER].get(shortcut).status_code == 404


def test_no_role_makes_itself_another(world: World) -> None:
    for role in (Role.VIEWER, Role.MAINTAINER):
        user = world.users[role]
        page = reverse("admin:auth_user_change", args=[user.pk])
        link = reverse("admin:auth_user_link", args=[world.users[Role.OPERATOR].pk])
        assert world.clients[role].post(page, {"role": "operator"}).status_code in (302, 403)
        assert world.clients[role].post(link).status_code in (403, 404)
        user.refresh_from_db()
        assert not user.is_superuser


# -- groups ------------------------------------------------------------------------------------------------


def test_groups_follow_what_is_told_of_the_models() -> None:
    viewers = Group.objects.get(name=GROUPS[Role.VIEWER])
    assert {each.codename.split("_")[0] for each in viewers.permissions.all()} == {"view"}
    viewers.permissions.clear()

    for app in OURS:
        roles.keep_groups("default", app)

    names = {each.codename for each in viewers.permissions.all()}
    assert {"view_build", "view_distribution", "view_image", "view_dailycount"} <= names
    maintainers = {each.codename for each in Group.objects.get(name=GROUPS[Role.MAINTAINER]).permissions.all()}
    assert {"change_build", "add_release", "change_distribution"} <= maintainers
    assert not {"add_distribution", "delete_distribution", "change_worker", "add_clienttoken"} & maintainers


def test_an_account_without_a_role_keeps_its_permissions_but_not_for_everybodys_rows(world: World) -> None:
    from django.contrib.auth.models import Permission

    user = User.objects.create_user("hand-made", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_build", "change_build"]))
    client = Client()
    client.force_login(user)

    press = reverse("admin:builders_build_press", args=[world.rows[Build][OTHERS].pk])
    assert client.get(reverse("admin:builders_build_changelist")).status_code == 200
    assert client.post(press, {"order": "retry"}).status_code == 403


# -- pages and buttons of one's own ------------------------------------------------------------------------


def test_syncs_are_started_for_ones_own_and_stand_in_the_log(world: World) -> None:
    buttons = [
        *(("distribution", Distribution, "sync"), ("distribution", Distribution, "sync-full")),
        *(("release", Release, "sync"), ("target", Target, "sync"), ("syncrun", SyncRun, "again")),
    ]
    for name, model, order in buttons:
        for whose, row in world.rows[model].items():
            press = reverse(f"admin:packages_{name}_press", args=[row.pk])
            for role, client in _all(world):
                runs, entries = SyncRun.objects.order_by("pk").last(), LogEntry.objects.count()
                SyncRun.objects.filter(state="queued").delete()
                status = client.post(press, {"order": order}).status_code

                may = role == Role.OPERATOR or (role == Role.MAINTAINER and whose == MINE)
                hidden = whose == PRIVATE and role != Role.OPERATOR
                assert status == (302 if may else 404 if hidden else 403), (name, whose, role)
                waiting = SyncRun.objects.filter(state="queued")
                assert [run.distribution.name for run in waiting] == ([whose] if may else []), (name, whose, role, runs)
                assert LogEntry.objects.count() == entries + may


def test_releases_are_decided_about_from_their_distribution_by_who_looks_after_it(world: World) -> None:
    for whose, row in world.rows[Distribution].items():
        release = world.rows[Release][whose]
        Release.objects.update(is_enabled=False, awaits_decision=True)
        press = reverse("admin:packages_distribution_press", args=[row.pk])
        for role, client in _all(world):
            client.post(press, {"order": f"release:approve:{release.pk}"})
            may = role == Role.OPERATOR or (role == Role.MAINTAINER and whose == MINE)
            assert Release.objects.filter(is_enabled=True).exists() == may, (whose, role)
    entry = LogEntry.objects.get(user=world.users[Role.MAINTAINER], action_flag=CHANGE)
    assert (entry.object_id, entry.change_message) == (str(world.rows[Release][MINE].pk), "Offer it.")


def test_a_release_of_another_distribution_is_not_decided_about_from_ones_own(world: World) -> None:
    mine, other = world.rows[Distribution][MINE], world.rows[Release][OTHERS]
    press = reverse("admin:packages_distribution_press", args=[mine.pk])

    world.clients[Role.MAINTAINER].post(press, {"order": f"release:hide:{other.pk}"})

    assert not Release.objects.filter(is_hidden=True).exists()


def test_only_operators_have_another_address_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def probe(row: Distribution, url: str) -> probing.Finding:
        asked.append(url)
        return probing.Finding(url)

    monkeypatch.setattr(probing, "probe_distribution", probe)
    elsewhere = "http://192.168.0.1/internal"
    mine, other, private = (Distribution.objects.get(name=name) for name in (MINE, OTHERS, PRIVATE))
    check = reverse("admin:packages_distribution_check", args=[mine.pk])

    assert world.clients[Role.MAINTAINER].post(check, {"url": elsewhere, "try": ""}).status_code == 200
    assert asked == [mine.url]
    assert world.clients[Role.MAINTAINER].post(check, {"url": elsewhere, "take": ""}).status_code == 200
    assert Distribution.objects.get(pk=mine.pk).url == mine.url
    for row, status in ((other, 403), (private, 404)):
        place = reverse("admin:packages_distribution_check", args=[row.pk])
        assert world.clients[Role.MAINTAINER].get(place).status_code == status
        assert world.clients[Role.VIEWER].get(place).status_code == status
    world.clients[Role.OPERATOR].post(check, {"url": "https://b.example.org", "take": ""})
    assert Distribution.objects.get(pk=mine.pk).url == "https://b.example.org"


def test_package_changes_are_compared_and_brought_in_for_ones_own_only(world: World) -> None:
    client = world.clients[Role.MAINTAINER]
    page = client.get(reverse("admin:packages_packagechange_changelist"))
    offered = page.context["import_form"].fields["distribution"].queryset
    assert [row.name for row in offered] == [MINE]
    suggestions = client.get(reverse("admin:packages_packagechange_suggestions"))
    assert suggestions.status_code == 200 and OTHERS not in suggestions.content.decode()

    for whose, row in world.rows[Distribution].items():
        change = json.dumps(
            [{"kind": "dropped", "sources": [f"gone-{whose}"], "targets": [], "version": "24.10"}]
        ).encode()
        file = SimpleUploadedFile("changes.json", change)
        client.post(reverse("admin:packages_packagechange_import"), {"distribution": row.pk, "file": file})
        asked = {"distribution": row.pk, "before": "24.10.2", "after": "24.10.2"}
        compared = client.get(reverse("admin:packages_packagechange_suggestions"), asked)
        assert bool(compared.context["form"].errors) == (whose != MINE)
        exported = client.get(reverse("admin:packages_packagechange_export"), {"distribution": whose})
        assert (exported.json() == []) == (whose == PRIVATE)
    sources = [row.sources for row in PackageChange.objects.filter(kind="dropped")]
    assert sources == [[f"gone-{MINE}"]]
    assert world.clients[Role.VIEWER].get(reverse("admin:packages_packagechange_suggestions")).status_code == 403


def test_an_incident_is_written_for_ones_own_distribution(world: World) -> None:
    client = world.clients[Role.MAINTAINER]
    form = {
        "title": "The mirror is slow",
        "text": "",
        "severity": "notice",
        "ended_at_0": "",
        "ended_at_1": "",
        "started_at_0": "2026-01-01",
        "started_at_1": "00:00",
        "updates-TOTAL_FORMS": "1",
        "updates-INITIAL_FORMS": "0",
        "updates-0-text": "Still slow.",
        "updates-0-at_0": "2026-01-02",
        "updates-0-at_1": "00:00",
    }
    for choice in ("", *(row.pk for whose, row in world.rows[Distribution].items() if whose != MINE)):
        answer = client.post(reverse("admin:stats_incident_add"), {**form, "distribution": choice})
        assert answer.status_code == 200 and answer.context["errors"]
    mine = world.rows[Distribution][MINE]

    assert client.post(reverse("admin:stats_incident_add"), {**form, "distribution": mine.pk}).status_code == 302

    assert Incident.objects.get(title="The mirror is slow").updates.get().text == "Still slow."
    everybodys = Incident.objects.create(title="The whole server is slow")
    page = reverse("admin:stats_incident_change", args=[everybodys.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {**form, "distribution": mine.pk}).status_code == 403


def test_filters_offer_what_is_there_for_the_person(world: World) -> None:
    """Releases and targets also of a distribution that an address names."""
    lists = [model for model, owner in admin.site._registry.items() if isinstance(owner, FastList)]
    for model in lists:
        place, owner = reverse(f"{name_of(model)}_changelist"), admin.site._registry[model]
        names = {getattr(spec, "parameter_name", "") for spec in owner.list_filter}
        for asked in ({}, {"distribution": PRIVATE}, {"version": "24.10.2"}):
            for role, client in _all(world) if asked.keys() <= names else ():
                shown = client.get(place, asked).context["cl"]
                offered = {str(title) for spec in shown.filter_specs for title in _offered(spec)}
                assert role == Role.OPERATOR or not any(PRIVATE in title for title in offered), (place, role)
                if "distribution" in asked:
                    assert bool(shown.result_list) == (role == Role.OPERATOR), (place, role)
                elif "distribution" in names:
                    is_offered = PRIVATE in offered
                    assert {MINE, OTHERS} <= offered and is_offered == (role == Role.OPERATOR), (place, role)


def _offered(spec: Any) -> list[str]:
    """Without what is there only because the address has it."""
    return [title for value, title in spec.lookups(spec.request, None)]


def test_what_was_counted_for_an_organisation_is_its_members(world: World) -> None:
    organisation = Organisation.objects.get(name="secret")
    DailyCount.objects.create(
        day="2026-01-02", name="package", distribution=MINE, organisation=organisation.pk, key="q"
    )
    place = f"{reverse('admin:stats_dailycount_changelist')}?name=package"

    assert [client.get(place).context["cl"].result_count for _, client in _all(world)] == [0, 0, 1]
    Distribution.objects.filter(name=MINE).update(organisation=organisation)
    generation.bump()
    assert [client.get(place).context["cl"].result_count for _, client in _all(world)] == [0, 1, 1]


def test_webhooks_are_for_operators(world: World) -> None:
    hook = Subscription.objects.create(
        url="https://hook.example.org/mine", token_hash="x", secret="s", distribution=MINE, base="https://a.example.org"
    )
    place = reverse("admin:news_subscription_changelist")
    for role in (Role.VIEWER, Role.MAINTAINER):
        assert world.clients[role].get(place).status_code == 403
        world.clients[role].post(place, {"action": "suspend", "_selected_action": [hook.pk]})
    hook.refresh_from_db()
    assert hook.state == "unconfirmed"
    hook.state = "active"
    hook.save()

    world.clients[Role.OPERATOR].post(place, {"action": "suspend", "_selected_action": [hook.pk]})

    entry = LogEntry.objects.get(object_id=str(hook.pk), content_type__model="subscription")
    assert entry.user == world.users[Role.OPERATOR] and entry.change_message.startswith("Suspend")
