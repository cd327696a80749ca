"""The pages: what they show, and what they never show."""

import hashlib
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from builders import queue
from builders.spec import BuildFailedError, ImageBuilderSpec
from builders.states import Phase, Reason
from images import services
from images.models import Image, ImageRequest
from images.pages import LOG_HEAD, LOG_TAIL, cut_log
from packages.models import Distribution, Release
from tests.factories import make_spec, make_worker
from tests.images.factories import DEVICE, make_target
from tests.images.publications import SYSUPGRADE, finish, make_image, make_request, published, result, withdrawn

pytestmark = pytest.mark.django_db


def page(client: Client, request: ImageRequest) -> str:
    answer = client.get(f"/images/{request.request_hash}/")
    assert answer.status_code == 200
    return answer.content.decode()


# -- one image -----------------------------------------------------------------------------------------------


def test_a_ready_image_shows_how_it_came_to_be(client: Client) -> None:
    image = make_image()

    text = page(client, image.request)

    for part in (
        "Demo Tiny",
        SYSUPGRADE,
        image.files.get(name=SYSUPGRADE).sha256,
        f"/store/{image.request.request_hash}/{SYSUPGRADE}",
        "1" * 64,  # the ImageBuilder's sum
        "http://localhost/ib.tar.xz",
        "make image PROFILE=tiny &#x27;PACKAGES=vim -ppp&#x27;",
        "all went well",
        "9.1-r1",
        "1.5 s",
    ):
        assert part in text
    assert "http-equiv" not in text
    assert re.findall(r'<script(?! src="/static/[a-z/]+[.]js"( defer)?></script>)', text) == []


def test_a_distribution_is_called_by_its_title_on_all_pages_of_images(client: Client) -> None:
    make_target()
    Distribution.objects.update(title="OpenWrt")
    image = published(client)
    published(client, packages=["vim"])

    for address in (f"/images/{image.request.request_hash}/", "/images/", "/"):
        text = client.get(address).content.decode()
        assert "OpenWrt 24.10.2" in text
        assert not re.search(r"[>\s]openwrt 24", text)


def test_packages_asked_for_by_name_are_marked_in_the_manifest(client: Client) -> None:
    image = make_image()

    text = page(client, image.request)

    assert '<li class="wanted"><code>vim</code>' in text
    assert "<li><code>base-files</code>" in text


def test_the_first_boot_script_is_never_shown(client: Client) -> None:
    script = "echo root:hunter2 | chpasswd\n"
    request = make_request(make_spec(defaults=script))
    finish(request)

    text = page(client, request)

    assert "hunter2" not in text
    assert hashlib.sha256(script.encode()).hexdigest() in text
    assert f"{len(script)} bytes" in text


def test_folders_of_this_machine_are_never_shown(client: Client) -> None:
    builder = ImageBuilderSpec("file:///srv/mirror/releases/1/ib.tar.xz", "ib.tar.xz", "1" * 64)
    request = make_request(make_spec(imagebuilder=builder))

    assert "/srv/" not in page(client, request)


def test_the_imagebuilder_of_a_hosted_distribution_is_linked_at_our_own_address(client: Client) -> None:
    Distribution.objects.create(name="demo", url="file:///srv/mirror", is_hosted=True)
    builder = ImageBuilderSpec("file:///srv/mirror/releases/1/ib.tar.xz", "ib.tar.xz", "1" * 64)
    request = make_request(make_spec(imagebuilder=builder))

    assert 'href="/demo/releases/1/ib.tar.xz"' in page(client, request)


def test_what_a_build_printed_is_text_and_never_markup(client: Client) -> None:
    request = make_request()
    finish(request, result(stdout="<script>alert(1)</script>", manifest={"<b>x": "<i>1"}))

    text = page(client, request)

    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<b>x" not in text


def test_a_long_log_is_shown_without_its_middle() -> None:
    text = "a" * LOG_HEAD + "middle" + "z" * LOG_TAIL

    log = cut_log("Output", text)

    assert (log.head, log.tail, log.cut) == ("a" * LOG_HEAD, "z" * LOG_TAIL, 6)


def test_a_device_without_an_image_yet_has_the_name_of_the_catalogue(client: Client) -> None:
    make_target()
    spec = make_spec(distribution="openwrt", version="24.10.2", target="ath79/generic", profile="tplink_archer-c7-v2")

    assert "<h1>TP-Link Archer C7 v2</h1>" in page(client, make_request(spec))
    assert "TP-Link Archer C7 v2</a>" in client.get("/images/").content.decode()


def test_a_waiting_image_reloads_and_says_how_many_are_ahead(client: Client) -> None:
    make_request(make_spec())
    request = make_request(make_spec())

    text = page(client, request)

    assert '<meta http-equiv="refresh"' in text
    assert "1 ahead of it" in text


def test_a_build_under_way_shows_its_phase(client: Client) -> None:
    request = make_request()
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    queue.beat(lease, worker, Phase.DOWNLOAD_IMAGEBUILDER, 42)

    text = page(client, request)

    assert '<meta http-equiv="refresh"' in text
    assert '<li class="now" aria-current="step">downloading the ImageBuilder 42 %</li>' in text
    assert '<li class="done">getting ready</li>' in text
    assert '<li class="todo">building the image</li>' in text


@pytest.mark.parametrize(
    ("reason", "advice"), [(Reason.IMAGE_TOO_BIG, "change the request"), (Reason.TIMEOUT, "ask again in a few minutes")]
)
def test_a_failed_image_says_why_and_what_to_do(client: Client, reason: Reason, advice: str) -> None:
    request = make_request()
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    queue.fail(lease, worker, BuildFailedError(reason, "This is the sentence.", stderr="make: *** Error 2"))

    text = page(client, request)

    assert "This is the sentence." in text
    assert advice in text
    assert "make: *** Error 2" in text
    assert "http-equiv" not in text


def test_a_withdrawn_image_says_so_and_lists_the_downloads_it_had_without_links(client: Client) -> None:
    image = make_image(**withdrawn("It had a hole."))
    image.files.filter(name=SYSUPGRADE).update(downloads=3)

    text = page(client, image.request)

    assert "It had a hole." in text
    assert "downloaded 3 times" in text
    assert f'href="/store/{image.request.request_hash}' not in text


def test_an_expired_image_keeps_its_page_without_links(client: Client) -> None:
    image = make_image()
    services.expire(image)

    text = page(client, image.request)

    assert "Expired" in text
    assert f'href="/store/{image.request.request_hash}' not in text


def test_a_refused_request_says_why(client: Client) -> None:
    refusal = {"status": 422, "detail": "Unsupported package(s): foo", "headers": {}}
    request = make_request(build=None, status=ImageRequest.Status.REFUSED, refusal=refusal)

    assert "Unsupported package(s): foo" in page(client, request)


def test_a_request_that_turned_out_to_be_another_leads_there(client: Client) -> None:
    image = make_image()
    early = ImageRequest.objects.create(
        request_hash="e" * 64, canonical="{}", echo={}, resolved_to=image.request, profile="tiny"
    )

    answer = client.get(f"/images/{early.request_hash}/")

    assert answer.status_code == 302
    assert answer["Location"] == f"/images/{image.request.request_hash}/"


def test_an_unknown_hash_is_a_page_not_found(client: Client) -> None:
    answer = client.get("/images/none/")

    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_an_image_without_a_key_says_that_it_is_unsigned(client: Client) -> None:
    assert "not signed" in page(client, make_image().request)


# -- lists ---------------------------------------------------------------------------------------------------


def test_images_are_found_by_their_words(client: Client) -> None:
    make_request(make_spec(profile="tplink_archer-c7-v2", target="ath79/generic"))
    make_request(make_spec(profile="rpi-4", target="bcm27xx/bcm2711"))

    found = client.get("/images/", {"q": "ARCHER ath79"}).content.decode()
    nothing = client.get("/images/", {"q": "<archer> rpi"}).content.decode()

    assert "tplink_archer-c7-v2" in found
    assert "rpi-4" not in found
    assert "Nothing matches" in nothing
    assert "<archer>" not in nothing


def test_the_list_has_pages(client: Client) -> None:
    for number in range(30):
        make_request(make_spec(profile=f"device-{number:02}"))

    first = client.get("/images/").content.decode()
    further = re.findall(r'rel="next" href="([^"]+)"', first)
    second = client.get(f"/images/{further[0]}").content.decode()

    assert "device-29" in first
    assert "device-00" not in first
    assert "device-00" in second
    assert "device-29" not in second
    assert 'rel="next"' not in second


@pytest.mark.parametrize("asked", ["x", "0", "99999999999999999999", "999999999999999999", "-1", "1\0", "²", ""])
def test_a_place_in_the_list_that_is_none_gives_a_page(client: Client, asked: str) -> None:
    make_request()

    for state in ("", "ready", "waiting", "failed", "\0", "nonsense"):
        assert (
            client.get(
                "/images/", {"before": asked, "q": "\0 \ud800".encode("utf-8", "surrogatepass"), "state": state}
            ).status_code
            == 200
        )


# -- home ----------------------------------------------------------------------------------------------------


def test_the_home_page_of_an_empty_server_says_how_to_begin(client: Client) -> None:
    text = client.get("/").content.decode()

    assert "add_distribution" in text


def test_the_home_page_shows_distributions_with_their_addresses(client: Client) -> None:
    make_target()
    make_target(distribution="demo", version="1.0.0")
    Distribution.objects.create(name="switched-off", url="http://localhost", is_enabled=False)

    text = client.get("/").content.decode()

    assert "<code>http://testserver</code>" in text
    assert "<code>http://testserver/demo</code>" in text
    assert "switched-off" not in text


def test_the_example_is_one_that_works(client: Client) -> None:
    target = make_target()

    text = client.get("/").content.decode()

    assert "Transfer-Encoding: chunked" in text
    assert target.release.version in text
    assert "tplink_archer-c7-v2" in text


def test_the_example_is_of_the_newest_stable_release(client: Client) -> None:
    # Synced newest first, as real mirrors are: the order of rows says nothing about age.
    for version in ("SNAPSHOT", "25.12.0-rc1", "24.10.10", "24.10.9"):
        make_target(version=version)
    make_target(version="25.12.0", is_complete=False)
    Release.objects.filter(version="24.10.10").update(is_enabled=False)

    text = client.get("/").content.decode()

    assert '"version": "24.10.9"' in text


def test_the_example_adds_what_people_know_and_the_device_lacks(client: Client) -> None:
    device = {**DEVICE, "device_packages": ["tcpdump"]}
    make_target(profiles=(device,), packages={"failing": "1", "tcpdump": "1", "nano": "8", "luci": "25"})

    assert '"packages": ["luci", "nano"]' in client.get("/").content.decode()


def test_the_home_page_shows_the_latest_images_and_the_queue(client: Client) -> None:
    make_image()
    make_request(make_spec())

    text = client.get("/").content.decode()

    assert "Demo Tiny" in text
    assert "0 building, 1 waiting, 1 built in a day" in text


def test_a_stale_mirror_is_visible(client: Client) -> None:
    make_target()
    from django.utils import timezone

    Distribution.objects.update(stale_since=timezone.now())

    assert "has not answered since" in client.get("/").content.decode()


def test_pages_load_nothing_from_elsewhere(client: Client) -> None:
    image = make_image()

    for address in ("/", "/images/", f"/images/{image.request.request_hash}/"):
        text = client.get(address).content.decode()
        assert 'href="/static/site.css"' in text
        assert "style=" not in text
        assert re.findall(r'src="(?!/static/)', text) == []
    assert (settings.BASE_DIR / "static" / "site.css").is_file()
    assert Image.objects.count() == 1


def test_the_page_of_an_image_costs_few_questions_and_little_weight(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    make_target()
    image = published(client)
    for _ in range(3):
        make_target(version=f"23.05.{_}")
    Image.objects.filter(pk=image.pk).update(manifest={f"package-{number}": "1.2.3-r4" for number in range(250)})
    page(client, image.request)

    with django_assert_max_num_queries(16):
        text = page(client, image.request)

    files = (
        settings.BASE_DIR / "static" / name for name in ("site.css", "site.js", "pages/image.css", "pages/image.js")
    )
    assert len(text.encode()) + sum(file.stat().st_size for file in files) < 100_000
