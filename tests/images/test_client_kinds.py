"""Which kind of client asks."""

import pytest

from images.client_kinds import KINDS, kind_of, title_of


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("owut/2026.04.09", "owut"),
        ("/usr/sbin/auc/0.3.2", "auc"),
        ("curl/8.5.0", "curl"),
        ("Wget/1.21", "wget"),
        ("uclient-fetch", "uclient"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "browser"),
        ("", "other"),
        ("x" * 100_000, "other"),
    ],
    ids=lambda text: text[:12],
)
def test_a_client_is_known_by_its_own_words(agent: str, kind: str) -> None:
    assert kind_of({"HTTP_USER_AGENT": agent}) == kind
    assert kind in KINDS


def test_a_page_of_another_host_that_fetches_is_a_web_app() -> None:
    environ = {"HTTP_USER_AGENT": "Mozilla/5.0", "HTTP_ORIGIN": "http://192.168.1.1"}

    assert kind_of(environ) == "web app"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("owut/2026.04.09", "owut"),
        ("luci/25.100.1-r1", "LuCI"),
        ("luci/undefined", "LuCI"),
        ("ofs/5.1.0", "firmware-selector"),
        ("/usr/sbin/auc/0.3.2", "auc"),
        ("auc/0.1.4", "auc"),
        ("asu/0.1.0", "asu"),
        ("curl/8.5.0", "curl"),
        ("uclient-fetch", "wget"),
        ("Mozilla/5.0 (X11; Linux)", "browser"),
        ("web page", "browser"),
        ("website", "browser"),
        ("John's own program", "other"),
        ("", "unknown"),
    ],
)
def test_programs_are_known_by_what_they_call_themselves(text: str, kind: str) -> None:
    assert title_of(text) == kind
