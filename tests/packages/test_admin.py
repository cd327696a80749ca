"""The maintainer's pages."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client, TestCase
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from packages import generation
from packages.models import Distribution, DistributionKey, Release, Target
from packages.signatures import UsignKey
from packages.sync import sync_distribution
from tests.packages.flavours import read, target_of

pytestmark = pytest.mark.django_db
MODELS = [row for row in apps.get_app_config("packages").get_models() if row.__name__ != "Maintainership"]


@pytest.fixture
def synced(distribution: Distribution) -> Distribution:
    sync_distribution(distribution, release="24.10.2", target="ath79/generic")
    DistributionKey.objects.create(distribution=distribution, kind="usign", text=UsignKey.generate("k").public_text())
    return distribution


def act(client: Client, model: str, action: str, *rows: Any) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        response = client.post(
            reverse(f"admin:packages_{model}_changelist"),
            {"action": action, "_selected_action": [row.pk for row in rows], "confirmed": "yes"},
        )
    assert response.status_code == 302


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_has_a_list_and_a_page(model: Any, synced: Distribution, admin_client: Client) -> None:
    assert admin.site.is_registered(model)
    name = f"admin:packages_{model._meta.model_name}"

    assert admin_client.get(reverse(f"{name}_changelist"), {"q": "a"}).status_code == 200
    row = model.objects.first()
    if row is not None:
        assert admin_client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200


def test_the_list_of_releases_asks_the_database_a_fixed_number_of_times(
    synced: Distribution, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(15):
        admin_client.get(reverse("admin:packages_release_changelist"))


def test_releases_are_disabled_and_enabled_from_the_list(synced: Distribution, admin_client: Client) -> None:
    release = Release.objects.get(version="24.10.2")
    before = generation.current()

    act(admin_client, "release", "disable", release)
    assert not Release.objects.get(pk=release.pk).is_enabled
    assert generation.current() > before

    act(admin_client, "release", "enable", release)
    assert Release.objects.get(pk=release.pk).is_enabled


def test_a_change_by_hand_counts_once_it_is_in(
    synced: Distribution, admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    url = reverse("admin:packages_release_change", args=[Release.objects.get(version="24.10.2").pk])
    form = admin_client.get(url).context["adminform"].form
    before = generation.current()

    with django_capture_on_commit_callbacks() as at_commit:
        admin_client.post(url, {**form.initial, "is_enabled": ""})
        assert generation.current() == before
    for callback in at_commit:
        callback()

    assert not Release.objects.get(version="24.10.2").is_enabled
    assert generation.current() > before


def test_a_vanished_release_disabled_by_hand_is_not_enabled_by_a_sync(
    synced: Distribution, admin_client: Client
) -> None:
    release = Release.objects.filter(version="24.10.2")
    release.update(is_enabled=False, vanished_at=timezone.now())

    act(admin_client, "release", "disable", release.get())
    Distribution.objects.update(etags={})
    sync_distribution(synced)

    assert not release.get().is_enabled


def test_a_release_that_is_disabled_takes_the_flavours_along(flavour: Distribution, admin_client: Client) -> None:
    sync_distribution(flavour)
    base = Release.objects.get(distribution__name="openwrt", version="24.10.2")

    act(admin_client, "release", "disable", base)
    assert not flavour.releases.get(version="2024.1-ow24.10.2").is_enabled

    act(admin_client, "release", "enable", base)
    assert flavour.releases.get(version="2024.1-ow24.10.2").is_enabled


def test_other_words_of_a_flavour_count_as_soon_as_they_are_saved(
    flavour: Distribution, admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    before = read(flavour)
    url = reverse("admin:packages_distribution_change", args=[flavour.pk])
    page = admin_client.get(url)
    form = {**page.context["adminform"].form.initial, "organisation": "", "network_profile": "", "successor": ""}
    for inline in page.context["inline_admin_formsets"]:
        prefix = inline.formset.prefix
        form |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(url, {**form, "package_words": "lime-system lime-app -dnsmasq"})

    assert target_of(flavour).package_words == ["lime-system", "lime-app", "-dnsmasq"]
    assert target_of(flavour).state_hash != before.state_hash


def test_what_cannot_be_a_flavour_is_refused_in_the_admin(flavour: Distribution, admin_client: Client) -> None:
    inlines = ("keys", "series", "devices")
    forms = {f"{prefix}-{name}": "0" for prefix in inlines for name in ("TOTAL_FORMS", "INITIAL_FORMS")}

    answer = admin_client.post(
        reverse("admin:packages_distribution_add"),
        {"name": "lemon", "url": "https://x.org", "built_on": flavour.pk, "is_enabled": "on", **forms},
    )

    assert answer.status_code == 200
    assert not Distribution.objects.filter(name="lemon").exists()


def test_sync_now_is_queued(synced: Distribution, admin_client: Client) -> None:
    act(admin_client, "distribution", "sync_now", synced)
    act(admin_client, "release", "sync_now", Release.objects.get(version="24.10.2"))
    act(admin_client, "target", "complete_now", Target.objects.get(release__version="24.10.2", name="x86/64"))

    assert [entry.func() for entry in OrmQ.objects.order_by("id")] == [
        *("packages.tasks.run_sync", "packages.tasks.run_sync", "packages.tasks.complete")
    ]


def test_what_comes_from_the_mirror_cannot_be_changed_by_hand(synced: Distribution, admin_client: Client) -> None:
    target = Target.objects.get(release__version="24.10.2", name="ath79/generic")
    url = reverse("admin:packages_target_change", args=[target.pk])

    admin_client.post(url, {"is_manual": "on", "imagebuilder_sha256": "0" * 64, "name": "evil/name"})

    now = Target.objects.get(pk=target.pk)
    assert now.imagebuilder_sha256 == target.imagebuilder_sha256
    assert (now.name, now.is_enabled, now.is_manual) == ("ath79/generic", False, True)


def test_a_target_can_be_typed_in(synced: Distribution, admin_client: Client) -> None:
    release = Release.objects.get(version="23.05.5")

    admin_client.post(
        reverse("admin:packages_target_add"),
        {"release": release.pk, "name": "ar71xx/generic", "is_enabled": "on", "is_manual": "on"},
    )

    assert Target.objects.get(name="ar71xx/generic").is_manual


def test_a_distribution_with_a_bad_address_is_refused(admin_client: Client) -> None:
    inlines = ("keys", "series", "devices")
    forms = {f"{prefix}-{name}": "0" for prefix in inlines for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    fields = {"name": "mesh", "enables_new_releases": "on", "is_enabled": "on"}

    for url in ("ftp://x.org", "http://user:word@x.org", "nonsense", "file:///etc"):
        response = admin_client.post(reverse("admin:packages_distribution_add"), fields | forms | {"url": url})
        assert response.status_code == 200
    assert not Distribution.objects.exists()

    admin_client.post(reverse("admin:packages_distribution_add"), fields | forms | {"url": "https://x.org"})
    assert Distribution.objects.get().name == "mesh"


@pytest.mark.parametrize(("kind", "text"), [("usign", "nonsense"), ("gpg", UsignKey.generate("k").public_text())])
def test_a_key_that_cannot_be_read_is_not_pinned(
    synced: Distribution, admin_client: Client, kind: str, text: str
) -> None:
    before = DistributionKey.objects.count()

    response = admin_client.post(
        reverse("admin:packages_distributionkey_add"),
        {"distribution": synced.pk, "kind": kind, "text": text, "is_enabled": "on"},
    )

    assert response.status_code == 200
    assert DistributionKey.objects.count() == before


def test_a_key_that_a_browser_sends_with_its_own_line_ends_is_kept_as_its_file_has_it(
    synced: Distribution, admin_client: Client
) -> None:
    text = UsignKey.generate("other").public_text()

    admin_client.post(
        reverse("admin:packages_distributionkey_add"),
        {"distribution": synced.pk, "kind": "usign", "text": text.replace("\n", "\r\n"), "is_enabled": "on"},
    )

    assert synced.keys.filter(text=text).exists()
